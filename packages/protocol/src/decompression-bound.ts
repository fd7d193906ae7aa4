import { RopewalkError } from "./ropewalk-error.ts";

/** The error of a codec whose output would pass the bound. */
export function decompressedTooLarge(codec: string, bytesMax: number): RopewalkError {
  const message = `Cannot decompress ${codec}: the result is larger than ${bytesMax} bytes`;
  return new RopewalkError("MESSAGE_TOO_LARGE", message);
}
