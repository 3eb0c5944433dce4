/**
 * What was decided while the ledger could not be written. Nothing of it is done before it is durable, and after some seconds
 * the time that it was decided for is over: nodes that were to be let go may serve another job by then. So it is taken back:
 * the state is again what the ledger has, and what had happened is decided anew when the ledger can be written.
 */
import { apply } from '../core/apply.ts';
import type { Event } from '../core/events.ts';
import { emptyState, type State } from '../core/state.ts';
import type { Instant } from '../core/units.ts';
import type { Ledger } from '../ports/ledger.ts';

/**
 * Makes the state what the ledger has, in one step: looks that are under way compare with it what they see. Rejects where the
 * ledger cannot be read, and then leaves the state as it is.
 */
export async function takeBack(state: State, ledger: Ledger): Promise<void> {
  const durable = emptyState();
  for await (const { turn } of ledger.read(0)) apply(durable, turn);
  Object.assign(state, durable);
}

/** The rest is looked at again. */
function struckAlone({ at, askedAt, struck }: Extract<Event, { kind: 'FleetSeen' }>): Event {
  return { kind: 'FleetSeen', at, askedAt, struck, judged: [], settled: [], needs: [] };
}

/**
 * What is still to be decided of these events: without wakes, which come again, and without what was seen before `since`,
 * which is looked at again. Only of jobs that have lost a node a look tells once.
 */
export function stillNews(events: readonly Event[], since: Instant): Event[] {
  return events.flatMap((event): Event[] => {
    switch (event.kind) {
      case 'Woke':
        return [];
      case 'SlurmSeen':
      case 'Ec2Seen':
        return event.at < since ? [] : [event];
      case 'FleetSeen':
        if (event.at >= since) return [event];
        return event.struck.length === 0 ? [] : [struckAlone(event)];
      default:
        return [event];
    }
  });
}
