/** A defect that a run must find: one piece of source in the place of another, which stands there exactly once. */
export interface PlantedBug {
  readonly name: string;
  /** Below packages. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}
