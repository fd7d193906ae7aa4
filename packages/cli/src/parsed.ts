/** A value that was read from text, or the reason why the text does not name one. */
export type Parsed<Value> =
  | { readonly value: Value; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: string };
