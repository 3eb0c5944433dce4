/** What muster works with and gets no answers from that it can use: an outage, credentials that have expired, a permission. */
import type { Instant } from '../core/units.ts';

export interface Outage {
  /** When the first look began that failed; every one since has. */
  readonly since: Instant;
  /** Of the last one. */
  readonly error: string;
}

/** Null: the last look was answered, or there was nothing to be seen. */
export interface Outages {
  readonly slurm: Outage | null;
  readonly ec2: Outage | null;
}
