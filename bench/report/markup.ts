/** Text with the characters that mean something in HTML and SVG written as entities. */
export function escaped(text: string | number | boolean): string {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/** A number for people: about three digits, thousands separated. */
export function readable(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** A count for people: "1.52 M", "38.1 k", "950". */
export function shortCount(value: number): string {
  if (value >= 1e6) return `${readable(value / 1e6)} M`;
  if (value >= 1e4) return `${readable(value / 1e3)} k`;
  return readable(value);
}
