/** The version of this broker, which it tells the others. */
export const brokerVersion = "0.1.0";
