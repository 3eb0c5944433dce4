/** Decisions about the protection of queues in words, for the log; those about the fleet are in `narrate-fleet.ts`. */
import type { ProtectionDecision } from './apply-protection.ts';
import { narrateFleet } from './narrate-fleet.ts';
import { countedList, line, type Line } from './narrate-line.ts';

/** The fleet as a whole, its static sets and its queues. */
export function narrateBeyondGangs(
  decision: Parameters<typeof narrateFleet>[0] | ProtectionDecision,
): Line[] {
  switch (decision.kind) {
    case 'BootsFailed':
    case 'QueueProtected':
    case 'QueueStarted':
    case 'ConsoleKept':
      return narrateProtection(decision);
    default:
      return narrateFleet(decision);
  }
}

function narrateProtection(decision: ProtectionDecision): Line[] {
  const { queue } = decision;
  switch (decision.kind) {
    case 'BootsFailed': {
      const { nodes, why } = decision;
      return [
        line('WARNING', source, `Boots have failed ${countedList(nodes)} (Code:${why.code})`),
      ];
    }
    case 'QueueProtected':
      return [
        line(
          'ERROR',
          source,
          `Queue ${queue} is set inactive, and nothing more is launched for it: ${decision.why.message}`,
        ),
      ];
    case 'QueueStarted': {
      const what = decision.wasProtected ? 'is set up again' : 'was not protected';
      return [line('INFO', source, `Queue ${queue} ${what}: its failed boots are forgotten`)];
    }
    case 'ConsoleKept': {
      const { node, instanceId, tail } = decision.console;
      const last = tail.split('\n').at(-1) ?? '';
      return [
        line(
          'ERROR',
          source,
          `The console of ${instanceId} (node ${node}) is kept in compute_console_output.log; its last line: ${last}`,
        ),
      ];
    }
  }
  return decision satisfies never;
}

const source = 'muster.protection:queues';
