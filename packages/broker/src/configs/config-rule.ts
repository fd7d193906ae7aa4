import type { ConfigType } from "@ropewalk/protocol";

/** What values a config may have. */
export interface ConfigRule {
  /** What Kafka's tools take it for. */
  readonly type: Exclude<ConfigType, "UNSPECIFIED">;
  /** For people; fits behind "must be". */
  readonly validValues: string;
  readonly accepts: (value: string) => boolean;
  /** Kafka's APPEND and SUBTRACT make sense. */
  readonly isList: boolean;
}

/** What fits into 15 digits: some 31,000 years, or 888 TiB. */
export const integerMax = 999_999_999_999_999;

const int32Max = 2 ** 31 - 1;

/** Whole numbers in [min, max]. */
export function integer(min: number, max: number = integerMax): ConfigRule {
  return {
    type: max > int32Max ? "LONG" : "INT",
    validValues: `an integer from ${min} to ${max}`,
    accepts: (value) => /^-?\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max,
    isList: false,
  };
}

/** Numbers from 0 to 1. */
export const ratio: ConfigRule = {
  type: "DOUBLE",
  validValues: "a number from 0 to 1",
  accepts: (value) => /^\d(\.\d{1,15})?$/.test(value) && Number(value) <= 1,
  isList: false,
};

/** One of these words. */
export function oneOf(...words: readonly string[]): ConfigRule {
  const isBoolean = words.every((word) => word === "true" || word === "false");
  return {
    type: isBoolean ? "BOOLEAN" : "STRING",
    validValues: words.join(" or "),
    accepts: (value) => words.includes(value),
    isList: false,
  };
}

/** One or more of these words, each once, with commas between them. */
export function listOf(...words: readonly string[]): ConfigRule {
  return {
    type: "LIST",
    validValues: `a list with one or more of ${words.join(", ")}`,
    accepts: (value) => {
      const elements = value.split(",");
      const areKnown = elements.every((element) => words.includes(element));
      return areKnown && new Set(elements).size === elements.length;
    },
    isList: true,
  };
}
