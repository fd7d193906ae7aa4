import { writeFileSync } from "node:fs";
import { readResultFile } from "../results/result-file.ts";
import { reportPage } from "./report-page.ts";

/** Renders a result file as a page beside it; answers the page's path. */
export function writeReport(resultPath: string): string {
  const path = resultPath.replace(/\.json$/, "").concat(".html");
  writeFileSync(path, reportPage(readResultFile(resultPath)));
  return path;
}
