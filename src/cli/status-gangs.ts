/** What of `muster status` is about gangs: those that are under way, for whom, and what each waits for. */
import type { Boot } from '../core/boot.ts';
import type { Batch, Gang } from '../core/gang.ts';
import type { State } from '../core/state.ts';
import type { Instant } from '../core/units.ts';
import { counted } from './counted.ts';
import { timeOfDay } from './times.ts';

export interface GangStatus {
  readonly id: string;
  readonly jobIds: readonly number[];
  readonly nodes: readonly string[];
  readonly phase: Gang['phase'] | 'booting';
  readonly rung: string | null;
  readonly since: Instant;
  /** What it waits for. */
  readonly waitsFor: string;
  readonly deferred: Deferred | null;
}

/** Calls to EC2 or Slurm that failed and are made again. */
export interface Deferred {
  readonly count: number;
  /** EC2's code, or what Slurm said, of the one that is made first. */
  readonly why: string;
  /** In the past: as soon as EC2's limits let it. */
  readonly nextAt: Instant;
}

export function gangsOf(state: State, at: Instant): GangStatus[] {
  const open = [...state.gangs.values()].map((gang) => ({
    id: gang.id,
    jobIds: gang.jobIds,
    nodes: gang.nodes,
    phase: gang.phase,
    rung: gang.rung,
    since: gang.requestedAt,
    waitsFor: waitOf(state, gang, at),
    deferred: deferredOf(state, gang),
  }));
  const booting = [...state.boots.values()].map((boot) => ({
    id: boot.gangId,
    jobIds: boot.jobIds,
    nodes: boot.nodes,
    phase: 'booting' as const,
    rung: null,
    since: boot.requestedAt,
    waitsFor: waitOfBoot(boot),
    deferred: null,
  }));
  return [...open, ...booting].toSorted((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
}

/** What an open gang waits for. */
export function waitOf(state: State, gang: Gang, at: Instant): string {
  const { phase, missing, lastRefusal } = gang;
  const put = deferredOf(state, gang);
  switch (phase) {
    case 'asking':
      return 'Slurm, which is asked about its jobs';
    case 'assembling':
      return `${missing.length} more of its nodes, until ${timeOfDay(gang.assembleBy)}`;
    case 'waiting': {
      const before = gang.waitsFor.length === 1 ? 'gang' : 'gangs';
      if (gang.waitsFor.length > 0) return `${before} ${gang.waitsFor.join(', ')}`;
      const refused = lastRefusal === null ? '' : `, after ${lastRefusal.code}`;
      return `its next rung${refused}`;
    }
    case 'reserving': {
      const all = [...gang.reserving.values()];
      const held = all.filter((one) => one.reservationId !== null || one.isForgone).length;
      return `reservations: ${held} of ${all.length} are held${againWords(put, at)}`;
    }
    case 'launching':
      return waitOfLaunches(state, gang, put, at);
    case 'assigning':
      return `Slurm, which is told the addresses${againWords(put, at)}`;
    case 'releasing':
      return 'Slurm, which is asked who has its nodes now: its job is gone';
  }
}

function waitOfLaunches(state: State, gang: Gang, put: Deferred | null, at: Instant): string {
  const batches = [...gang.batches.values()];
  const isQueued = ({ effectId, sentAt }: Batch): boolean => {
    const out = state.outstanding.get(effectId);
    return sentAt === null || (out !== undefined && out.deferredUntil !== null);
  };
  const queued = batches.filter(isQueued).length;
  const held = gang.nodes.filter((node) => state.leases.get(node)?.gangId === gang.id).length;
  const sent = batches.length - queued;
  const turn = queued - (put?.count ?? 0);
  const parts = [`EC2: ${held} of ${gang.nodes.length} instances are there`];
  if (sent > 0) parts.push(counted(sent, 'call under way', 'calls under way'));
  if (turn > 0) parts.push(counted(turn, 'waits for its turn', 'wait for their turn'));
  return `${parts.join(', ')}${againWords(put, at)}`;
}

/** What failed of the gang's calls and is made again. */
function deferredOf({ outstanding }: State, gang: Gang): Deferred | null {
  const ids = [...gang.batches.keys(), ...gang.reserving.keys(), ...gang.assigning];
  const put = ids.flatMap((id) => {
    const out = outstanding.get(id);
    if (out === undefined || out.deferredUntil === null || out.why === null) return [];
    return [{ why: out.why, nextAt: out.deferredUntil }];
  });
  const [first] = put.toSorted((a, b) => a.nextAt - b.nextAt);
  return first === undefined ? null : { count: put.length, ...first };
}

/** What Slurm says of a call that fails may be long: the JSON has all of it. */
const whyLengthMax = 80;

function againWords(deferred: Deferred | null, at: Instant): string {
  if (deferred === null) return '';
  const { count, why, nextAt } = deferred;
  const line = why.length <= whyLengthMax ? why : `${why.slice(0, whyLengthMax - 3)}...`;
  const when = nextAt <= at ? 'in its turn' : `at ${timeOfDay(nextAt)}`;
  return `, ${counted(count, 'is', 'are')} tried again ${when} (${line})`;
}

function waitOfBoot({ nodes, awaiting, replacing, doom, registerBy }: Boot): string {
  if (doom !== null) return `being let go: ${doom.code}`;
  const up = nodes.length - awaiting.size;
  const again = replacing.size === 0 ? '' : `, ${replacing.size} replaced`;
  return `slurmd: ${up} of ${nodes.length} have registered${again}, until ${timeOfDay(registerBy)}`;
}
