/** Slurm as the effect runner needs it. One implementation runs `scontrol` (`adapters/slurm`), one is the model (`sim/`). */

/** Which instance answers for a node from now on. */
export interface NodeAddress {
  readonly node: string;
  readonly address: string;
  readonly hostname: string;
}

export interface Scheduler {
  /** `scontrol update nodename=... nodeaddr=... nodehostname=...`. Rejects with SchedulerError. */
  assignNodes(addresses: readonly NodeAddress[]): Promise<void>;
  /** `state=down reason=...`: the nodes' jobs go back to the queue (or end, when they may not). Rejects with SchedulerError. */
  downNodes(nodes: readonly string[], reason: string): Promise<void>;
  /** `state=power_down_force`: the nodes become usable again after SuspendTimeout. Rejects with SchedulerError. */
  powerDownNodes(nodes: readonly string[]): Promise<void>;
}

/** What scontrol said instead of doing it. `transient`: it may do it later (slurmctld away, time-out). */
export class SchedulerError extends Error {
  readonly transient: boolean;
  constructor(message: string, from: { transient: boolean; cause?: unknown }) {
    super(message, { cause: from.cause });
    this.name = 'SchedulerError';
    this.transient = from.transient;
  }
}
