/** The longest topic name, in characters; Kafka's limit, which comes from file names. */
export const topicNameCharsMax = 249;

const allowedCharacters = /^[a-zA-Z0-9._-]+$/;

/**
 * Why `name` cannot be a topic's name, as the end of a sentence that begins with the name;
 * `undefined` where it can. The rules are Kafka's, so that every topic can be reached by its clients.
 */
export function topicNameFault(name: string): string | undefined {
  if (name.length === 0) return "is empty";
  if (name === "." || name === "..") return "must be neither “.” nor “..”";
  if (name.length > topicNameCharsMax) {
    return `is ${name.length} characters long, ${topicNameCharsMax} are allowed`;
  }
  if (!allowedCharacters.test(name)) {
    return "may contain only ASCII letters, digits, “.”, “_” and “-”";
  }
  return undefined;
}

/** Whether a topic belongs to the product itself: clients may read it, but neither write nor delete it. */
export function isInternalTopicName(name: string): boolean {
  return name.startsWith("__");
}
