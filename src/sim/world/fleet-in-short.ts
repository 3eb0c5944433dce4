/** Decisions about the fleet, its static sets and its queues in one line, for `turn-in-short.ts`. */
import type { ProtectionDecision } from '../../core/apply-protection.ts';
import type { Decision } from '../../core/decisions.ts';
import { foldHostlist } from '../../core/hostlist.ts';

type DecisionOf<Kind extends Decision['kind']> = Extract<Decision, { kind: Kind }>;

/** Queues whose boots fail. */
export function protectionInShort(decision: ProtectionDecision): string {
  switch (decision.kind) {
    case 'BootsFailed':
      return `BootsFailed ${foldHostlist(decision.nodes)}: ${decision.why.code}`;
    case 'QueueProtected':
      return `QueueProtected ${decision.queue}`;
    case 'QueueStarted':
      return `QueueStarted ${decision.queue}${decision.wasProtected ? '' : ', which was not protected'}`;
    case 'ConsoleKept':
      return `ConsoleKept ${decision.queue} of ${decision.console.instanceId}`;
  }
}

/** The fleet and its static sets. */
export function fleetInShort(
  decision: DecisionOf<
    | 'FleetStopped'
    | 'FleetStarted'
    | 'PartitionsTaken'
    | 'PartitionsRestored'
    | 'SetPoweredUp'
    | 'SetRefused'
    | 'SetWhole'
    | 'SetHastened'
    | 'NodesTakenByHand'
  >,
): string {
  switch (decision.kind) {
    case 'FleetStopped':
      return 'FleetStopped';
    case 'FleetStarted':
    case 'PartitionsTaken':
    case 'PartitionsRestored':
      return `${decision.kind} ${decision.partitions.join(' ')}`;
    case 'SetPoweredUp':
      return `SetPoweredUp ${decision.set} ${foldHostlist(decision.nodes)}`;
    case 'SetRefused':
      return `SetRefused ${decision.set} try ${decision.tries}: ${decision.code}`;
    case 'SetWhole':
    case 'SetHastened':
      return `${decision.kind} ${decision.set}`;
    case 'NodesTakenByHand':
      return `NodesTakenByHand released ${foldHostlist(decision.released)}, replaced ${foldHostlist(decision.replaced)}`;
  }
}
