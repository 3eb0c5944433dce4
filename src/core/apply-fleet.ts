/**
 * The part of `apply` that keeps whether the fleet runs, and the tries of its static sets. Only `apply` and its other parts
 * call it.
 */
import type { Decision } from './decisions.ts';
import { startedAnew, type State } from './state.ts';
import { staticSetsOf, type SetTries } from './static-sets.ts';

export type FleetDecision = Extract<
  Decision,
  {
    kind:
      | 'FleetStopped'
      | 'FleetStarted'
      | 'PartitionsTaken'
      | 'PartitionsRestored'
      | 'SetPoweredUp'
      | 'SetRefused'
      | 'SetWhole'
      | 'SetHastened';
  }
>;

export function applyToFleet(state: State, decision: FleetDecision): void {
  switch (decision.kind) {
    case 'FleetStopped':
      if (decision.wasRunning)
        state.fleet = { ...state.fleet, status: 'stopped', since: state.now };
      return state.sets.clear();
    case 'FleetStarted':
      if (decision.wasRunning) return;
      state.fleet = { ...state.fleet, status: 'running', since: state.now };
      return forgiveJobs(state);
    case 'PartitionsTaken': {
      const partitions = [...new Set([...state.fleet.partitions, ...decision.partitions])];
      state.fleet = { ...state.fleet, partitions };
      return;
    }
    case 'PartitionsRestored': {
      const { partitions } = state.fleet;
      const left = partitions.filter((name) => !decision.partitions.includes(name));
      state.fleet = { ...state.fleet, partitions: left };
      return;
    }
    case 'SetPoweredUp':
      return changeSet(state, decision.set, { asked: decision.nodes, askedAt: state.now });
    case 'SetRefused': {
      const { set, tries, nextAt, code, message } = decision;
      return changeSet(state, set, { tries, nextAt, code, message, asked: [] });
    }
    case 'SetWhole':
      state.sets.delete(decision.set);
      return;
    case 'SetHastened':
      return changeSet(state, decision.set, { tries: 0, nextAt: null });
  }
  return decision satisfies never;
}

/** A configuration may have lost a set. */
export function keepSets(state: State): void {
  const kept = new Set(staticSetsOf(state.settings).map(({ key }) => key));
  for (const key of state.sets.keys()) if (!kept.has(key)) state.sets.delete(key);
}

/** Slurm has called for these nodes. */
export function takeFromSets(state: State, nodes: readonly string[]): void {
  for (const [key, set] of state.sets) {
    const asked = set.asked.filter((node) => !nodes.includes(node));
    if (asked.length < set.asked.length) state.sets.set(key, { ...set, asked });
  }
}

const untried: SetTries = { tries: 0, nextAt: null, code: '', message: '', asked: [], askedAt: 0 };

function changeSet(state: State, key: string, change: Partial<SetTries>): void {
  state.sets.set(key, { ...(state.sets.get(key) ?? untried), ...change });
}

/** The time that the fleet was stopped is none in which a job could have been launched. */
function forgiveJobs(state: State): void {
  for (const [id, job] of state.jobs)
    if (job.code === 'FleetStopped') state.jobs.set(id, startedAnew(job, state.now));
}
