/**
 * What a scenario of the lab stands on: a Slurm, a cloud, a muster and a clock, each behind a small interface, so
 * that one scenario runs on a real Slurm with real processes (`real-world.ts`) and on the built-in models alike.
 *
 * A scenario never sleeps for a result: it asks `waitFor` (wait.ts) for a condition with a time limit. It reads time
 * from `clock` alone, because on the models time is simulated.
 */
import type { HookVerb } from '../core/requests.ts';
import type { DurationMs, Instant } from '../core/units.ts';
import type { SlurmCommands } from '../ports/slurm-commands.ts';
import type { Clock } from '../ports/clock.ts';

/** One instance that the cloud has launched since the world began, ended ones included. */
export interface LabInstance {
  readonly instanceId: string;
  readonly instanceType: string;
  readonly launchedAt: Instant;
  /** When termination was asked for (from then on nothing is paid); null while it lives. */
  readonly terminatedAt: Instant | null;
}

export interface CloudStats {
  /** RunInstances calls answered so far, refused ones included. */
  readonly runInstancesCalls: number;
  readonly reservations: ReservationCounts;
  readonly instances: readonly LabInstance[];
}

/** Capacity reservations that were made, and those of them that were cancelled. */
export interface ReservationCounts {
  readonly made: number;
  readonly cancelled: number;
}

/** The hand of the scenario on the cloud: what a test may change and see, and muster may not. */
export interface LabCloud {
  /** How many instances of a type the zone holds in all, running ones included. */
  setCapacity(instanceType: string, zone: string, count: number): Promise<void>;
  /** So many of the instances launched next run, are paid for, and never boot. */
  breakBoots(count: number): Promise<void>;
  /** Puts an instance there that nobody launched through muster, with these tags. Resolves to its id. */
  plant(instanceType: string, tags: Readonly<Record<string, string>>): Promise<string>;
  /** EC2 answers nobody for so long. */
  goAway(forMs: DurationMs): Promise<void>;
  /** The machine shuts down, behind muster's back. */
  shutDown(instanceId: string): Promise<void>;
  stats(): Promise<CloudStats>;
}

/** The texts of the files that configure muster, as a cluster's administrator writes them. */
export interface MusterFiles {
  /** ParallelCluster's `parallelcluster_slurm_resume.conf`, with its `[slurm_resume]` section. */
  readonly resumeConf: string;
  /** ParallelCluster's cluster file: the fleet. */
  readonly clusterYaml: string;
  /** Further lines of muster.yaml, beside those that say where the lab's files are. */
  readonly musterYaml?: string;
}

export interface LabMuster {
  /** Resolves when muster answers requests. */
  start(files: MusterFiles): Promise<void>;
  stop(): Promise<void>;
  /** Ended as `kill -9` does, in the middle of whatever it does, and started again on the same ledger. */
  kill(files: MusterFiles): Promise<void>;
  /** Stop, and start on the same ledger with these files. */
  restart(files: MusterFiles): Promise<void>;
  /** What an administrator asks: spooled, and taken by the daemon. `argument`: nodes, or empty. */
  ask(verb: HookVerb, argument: string): Promise<void>;
  /** Every line that muster has logged since the world began. */
  logLines(): Promise<readonly string[]>;
  /** The consoles that muster has kept since the world began, a line each. */
  consoles(): Promise<readonly string[]>;
}

/** What a scenario says while it runs; a renderer turns it into lines or JSON. */
export type LabEvent =
  | { readonly kind: 'phase'; readonly name: string; readonly text: string }
  | { readonly kind: 'step'; readonly text: string }
  | { readonly kind: 'command'; readonly text: string }
  /** What sinfo shows has changed. */
  | { readonly kind: 'picture'; readonly sinfo: string }
  /** A moment worth seeing whole. */
  | { readonly kind: 'moment'; readonly sinfo: string; readonly squeue: string }
  /** What muster has logged in the phase that ends. */
  | { readonly kind: 'log'; readonly lines: readonly string[] }
  | {
      readonly kind: 'progress';
      readonly text: string;
      readonly done: number;
      readonly of: number;
    };

/** Slurm, and the hand of the scenario on its daemon. */
export interface LabSlurm extends SlurmCommands {
  /**
   * slurmctld is gone: every command fails, and nothing is scheduled, until it is started again on the state that it saved.
   * (On the model it thinks on, and nobody reaches it.) What a phase waits for asks Slurm, so nothing can be waited for meanwhile.
   */
  stopController(): Promise<void>;
  startController(): Promise<void>;
}

export interface ScenarioWorld {
  readonly slurm: LabSlurm;
  readonly cloud: LabCloud;
  readonly muster: LabMuster;
  readonly clock: Clock;
  progress(event: LabEvent): void;
  /** Where to look when something went wrong; empty on the models. */
  readonly logPaths: readonly string[];
}

/** A world that was made for a scenario and ends with it. */
export interface OpenWorld extends ScenarioWorld {
  /** Ends everything that the world began; its files stay only with `keepFiles`, for somebody who looks for a fault. */
  close(options?: { readonly keepFiles: boolean }): Promise<void>;
}

export type WorldOpener = (
  spec: WorldSpec,
  progress: (event: LabEvent) => void,
) => Promise<OpenWorld>;

/** What must stand before a scenario starts. Muster itself is started by the scenario. */
export interface WorldSpec {
  /** The files as muster first gets them; their fleet is the cluster's, for the whole scenario. */
  readonly files: MusterFiles;
  readonly region: string;
  readonly zone: string;
  readonly subnetId: string;
  /** Seconds that a node may idle before Slurm suspends it. */
  readonly suspendTimeSeconds: number;
  /** From launch to the moment that the instance's boot command runs. */
  readonly bootMs: DurationMs;
  /** Boots take up to this much longer, evenly spread; absent: all take the same time. */
  readonly bootJitterMs?: DurationMs;
  /** From TerminateInstances to the end of the instance; absent: 300 ms. */
  readonly shutdownMs?: DurationMs;
  /** Slurm's ResumeRate, in nodes a minute; absent: no limit. */
  readonly resumeRate?: number;
  /** Slurm's ResumeTimeout; absent: RESUME_TIMEOUT_SECONDS. */
  readonly resumeTimeoutSeconds?: number;
  /** True: instances start no slurmd, so that more of them fit the machine than would. */
  readonly withoutSlurmd?: boolean;
  /** After how long an instance that hears nothing of the cluster shuts itself down; absent: muster-node's default. */
  readonly goneAfterSeconds?: number;
}

export interface Scenario {
  readonly name: string;
  /** True: what it shows, the models do not have. */
  readonly needsRealSlurm?: boolean;
  /** One line for `lab run --help`. */
  readonly summary: string;
  readonly spec: WorldSpec;
  run(world: ScenarioWorld): Promise<readonly PhaseResult[]>;
}

/** One thing that a phase had to show. */
export interface Expectation {
  readonly what: string;
  readonly ok: boolean;
  readonly want: string;
  readonly saw: string;
}

/** A phase of a scenario; the numbers are of this phase alone, jobs as they stood at its end. */
export interface PhaseResult {
  readonly name: string;
  readonly jobs: JobCounts;
  readonly instances: { readonly launched: number; readonly terminated: number };
  readonly runInstancesCalls: number;
  readonly reservations: ReservationCounts;
  /** Instance-seconds paid minus node-seconds in which a job ran. */
  readonly instanceSecondsWithoutJob: number;
  /** Each distinct picture of `sinfo`, in order. */
  readonly sinfo: readonly string[];
  readonly squeue: readonly string[];
  /** What muster logged during the phase. */
  readonly log: readonly string[];
  readonly expected: readonly Expectation[];
}

/** Tasks of an array count one by one. `pending` holds jobs that wait for their nodes (CONFIGURING) too. */
export interface JobCounts {
  readonly running: number;
  readonly pending: number;
  readonly failed: number;
  readonly completed: number;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly slurm: 'real' | 'model';
  readonly slurmVersion: string;
  readonly phases: readonly PhaseResult[];
  readonly ok: boolean;
}
