/** A gang that Slurm was given, until every slurmd of it has registered: only then may its job run. */
import type { Instant } from './units.ts';

export interface Boot {
  readonly gangId: string;
  readonly requestId: string;
  jobIds: readonly number[];
  /** The static set that it is of; null: of none. */
  readonly set: string | null;
  /** Whose each node is, where every job has one of its own; else null. */
  jobNodes: readonly (readonly [number, string])[] | null;
  /** True: of use only together. False: every node stands for itself. */
  readonly isWhole: boolean;
  /** All that were given, registered or not. */
  nodes: readonly string[];
  /** Those whose slurmd has not registered, each with its own deadline. */
  awaiting: Map<string, Instant>;
  readonly requestedAt: Instant;
  /** When one of its nodes registered last; null: none has. */
  registeredAt: Instant | null;
  /** The last moment for all of them, earlier than Slurm's. */
  readonly registerBy: Instant;
  /** Nodes that get another instance, with the gang that launches it. */
  replacing: Map<string, string>;
  replacements: number;
  /** It is to be let go, because of these nodes; Slurm is being asked whom else its other nodes serve. */
  doom: Doom | null;
}

export interface Doom {
  readonly code: string;
  readonly message: string;
  readonly nodes: readonly string[];
  /** What they held then: who has another instance since is somebody else's. */
  readonly instanceIds: readonly string[];
}

/** Deadlines that have passed, with what they were for. */
export function lateNodes(boot: Boot, at: Instant): string[] {
  if (boot.doom !== null) return [];
  return [...boot.awaiting].flatMap(([node, by]) => (by <= at ? [node] : []));
}
