/** A moment: milliseconds since the Unix epoch. The core never asks for it; it comes with every event. */
export type Instant = number;

/** A length of time in milliseconds. */
export type DurationMs = number;
