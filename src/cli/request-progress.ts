/** What a request of the hooks still waits for, in a line, for who waits with it. */
import type { Gang } from '../core/gang.ts';
import type { State } from '../core/state.ts';
import type { Instant } from '../core/units.ts';
import { counted } from './counted.ts';
import { waitOf } from './status-gangs.ts';

/** A request may be hundreds of gangs. */
const gangsShown = 3;

export function requestProgress(state: Readonly<State>, requestId: string, at: Instant): string {
  if (!state.taken.has(requestId)) return 'the request waits in the spool to be taken';
  const gangs = [...state.gangs.values()].filter(({ requestIds }) =>
    requestIds.includes(requestId),
  );
  if (gangs.length === 0) return 'the request waits for its verdict';
  const shown = gangs.slice(0, gangsShown).map((gang) => gangProgress(state, gang, at));
  const more = gangs.length - shown.length;
  return [...shown, ...(more > 0 ? [counted(more, 'more gang', 'more gangs')] : [])].join('; ');
}

function gangProgress(state: State, gang: Gang, at: Instant): string {
  const tries = triesInVain(state, gang);
  const vain = tries === 0 ? '' : ` (${counted(tries, 'try', 'tries')} in vain)`;
  const who = counted(gang.nodes.length, 'node waits', 'nodes wait');
  return `${who} for ${waitOf(state, gang, at)}${vain}`;
}

/** Of Slurm, which may be away: EC2's refusals have consequences of their own. */
function triesInVain({ outstanding }: State, { id, requestIds }: Gang): number {
  let most = 0;
  for (const { effect, tries } of outstanding.values()) {
    const isIts =
      (effect.kind === 'AssignNodes' && effect.gangId === id) ||
      (effect.kind === 'AskJobs' && requestIds.includes(effect.requestId));
    if (isIts) most = Math.max(most, tries);
  }
  return most;
}
