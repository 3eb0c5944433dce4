/** Which rungs of the ladder a gang may be launched on, and until when. */
import { launchBy } from './deadlines.ts';
import { type Draft, leaseOf } from './draft.ts';
import { createLocator, type Place } from './fleet.ts';
import type { Gang, Refusal } from './gang.ts';
import { keyOf, type Rung, rungsOf } from './ladder.ts';

type Why = Pick<Refusal, 'code' | 'message' | 'retryAt'>;

/** Whether there is a rung beside the one that the gang is on and those that it tried. */
export function hasRungLeft(draft: Draft, gang: Gang): boolean {
  const locate = createLocator(draft.state.settings);
  const places = new Set<Place>();
  for (const node of gang.nodes) {
    const located = locate(node);
    const lease = leaseOf(draft, node);
    // What another gang's instance serves is not launched on any rung.
    if (lease !== null && lease.gangId !== gang.id) continue;
    if (located.kind === 'place') places.add(located.place);
  }
  return gangRungs(draft, gang, [...places]).some(
    ({ key }) => key !== gang.rung && !gang.tried.includes(key),
  );
}

/** A replacement stays where its gang is; a job may have asked for some rungs alone. */
export function gangRungs(
  { state: { zones } }: Draft,
  gang: Gang,
  places: readonly Place[],
): Rung[] {
  const { onlyRung } = gang;
  if (onlyRung === null) return rungsOf(places, zones, gang.zonesNamed, gang.wish);
  // Its gang may have been launched before the zones were known: then it was named by its subnets.
  return rungsOf(places, zones).filter(
    ({ key, pools }) => key === onlyRung || keyOf(pools, new Map()) === onlyRung,
  );
}

/** Slurm's ResumeTimeout runs from the request: what is found long after it must not be launched any more. */
export function tooLate(draft: Draft, gang: Gang): Why | null {
  const by = launchBy(draft.state.settings, gang);
  if (draft.at <= by) return null;
  const message = `muster could not ask EC2 within ${Math.round((by - gang.requestedAt) / 1000)} s of the request`;
  return { code: 'LaunchTooLate', message };
}
