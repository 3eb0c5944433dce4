/**
 * What becomes of a job that was refused: it is tried again later, each time later, and held in the end; what a retry
 * cannot mend is held at once. Its owner reads why in the job's AdminComment.
 */
import { backoffMs } from './backoff.ts';
import { abandon } from './decide-moves.ts';
import type { Draft } from './draft.ts';
import type { TellJobs } from './effects.ts';
import type { Gang, Refusal } from './gang.ts';
import { noteOf } from './job-note.ts';
import { placesOf, settingsFor } from './launch-policy.ts';
import type { PastJobs } from './past-jobs.ts';
import { wantsOf } from './queue-order.ts';
import type { LaunchPolicy } from './settings.ts';
import type { JobWants } from './state.ts';
import type { DurationMs, Instant } from './units.ts';
import { verdictOf } from './verdict.ts';

type Why = Pick<Refusal, 'code' | 'message' | 'retryAt'>;

/** Nobody waits for the job, or Slurm knows why itself. */
const notTold: ReadonlySet<string> = new Set(['JobGone', 'PoweredDown']);

/** What muster itself says that no other try can mend. */
const heldCodes: ReadonlySet<string> = new Set([
  'ResumeTimeoutTooShort',
  'ResumeRateTooSlow',
  'NoCommonZone',
  'UnknownQueue',
  'UnknownComputeResource',
  'NodeOutsideFleet',
  'InvalidNodenameError',
  'LargerThanLimit',
]);

/** What muster itself keeps the job from: EC2 was not asked, so it is no try, and the job is not held for it. */
const waitingCodes: ReadonlySet<string> = new Set([
  'InstanceLimitReached',
  'LaunchRateLimitReached',
  'CostLimitReached',
]);

/** The jobs of nodes that were refused; a heterogeneous job is told by its leader. */
export function refuseJobs(draft: Draft, gang: Gang, nodes: readonly string[], why: Why): void {
  const wants = (jobId: number, of: readonly string[]): JobWants | null =>
    wantsOf(draft, gang, jobId, of, why.code);
  if (gang.kind === 'job') {
    const [leader] = gang.jobIds;
    if (leader === undefined) return;
    tellRefused(draft, gang.id, [leader], why, gang.nodes, (jobId) => wants(jobId, gang.nodes));
    return wakeLater(draft, gang.jobIds);
  }
  // Jobs of one node each stand in the order of their nodes, unless they share some.
  if (gang.kind !== 'single-node-jobs' || gang.jobNodes === null) return;
  const refused = new Set(nodes);
  const own = new Map(gang.jobNodes.filter(([, node]) => refused.has(node)));
  tellRefused(draft, `${gang.id}-${nodes[0] ?? ''}`, [...own.keys()], why, nodes, (jobId) =>
    wants(jobId, [own.get(jobId) ?? '']),
  );
}

/** `nodes`: those that were refused. `wants`: what a job waits for now that it is to be tried again. */
export function tellRefused(
  draft: Draft,
  prefix: string,
  jobIds: readonly number[],
  why: Why,
  nodes: readonly string[],
  wants: (jobId: number) => JobWants | null = () => null,
): void {
  const { code, message } = why;
  if (notTold.has(code) || draft.state.settings.mode !== 'job') return;
  const policy = settingsFor(draft.state.settings, { places: placesOf(nodes), wish: {} });
  const groups = new Map<string, { jobIds: number[]; effect: Omit<TellJobs, 'jobIds' | 'id'> }>();
  for (const jobId of jobIds) {
    const verdict = judge(draft, policy, prefix, jobId, why);
    const waitsFor = verdict.nextAt === null ? null : wants(jobId);
    draft.decisions.push({
      kind: 'JobRefused',
      jobId,
      code,
      message,
      ...verdict,
      ...(waitsFor !== null && { wants: waitsFor }),
    });
    const key = JSON.stringify(verdict);
    const group = groups.get(key);
    if (group !== undefined) {
      group.jobIds.push(jobId);
      continue;
    }
    const { tries, nextAt, hold } = verdict;
    const note = noteOf({ code, message, at: draft.at, tries, nextAt, hold });
    groups.set(key, {
      jobIds: [jobId],
      effect: { kind: 'TellJobs', note, startAt: nextAt, hold },
    });
  }
  for (const [index, group] of [...groups.values()].entries()) {
    const id = `${prefix}/tell${index}-${draft.at}`;
    draft.effects.push({ ...group.effect, id, jobIds: group.jobIds });
  }
}

/**
 * Slurm's backfill scheduler, which alone starts heterogeneous jobs, looks at the queue when something has changed: that a
 * job's time has come does not count. On a quiet cluster such a job would wait until somebody submits another one, so it is
 * told the same once more when it may be tried again.
 */
export function wakeLater(draft: Draft, [leader, ...others]: readonly number[]): void {
  if (leader === undefined || others.length === 0) return;
  for (const effect of [...draft.effects]) {
    if (effect.kind !== 'TellJobs' || effect.startAt === null) continue;
    if (!effect.jobIds.includes(leader)) continue;
    wakeAt(draft, effect, effect.startAt);
  }
}

/** Tells it the same once more, just after that moment. */
export function wakeAt(draft: Draft, effect: TellJobs, at: Instant): void {
  const again: TellJobs = { ...effect, id: `${effect.id}/wake`, startAt: null };
  // Two gangs of one job may be refused in one turn.
  if (isPutOff(draft, again.id)) return;
  draft.decisions.push({ kind: 'EffectPutOff', effect: again, until: at + wakeMs });
}

function isPutOff({ decisions }: Draft, id: string): boolean {
  return decisions.some((each) => each.kind === 'EffectPutOff' && each.effect.id === id);
}

/** Slurm's moments are whole seconds. */
const wakeMs: DurationMs = 2_000;

/** Room comes when others end, and EC2 is not asked: as long a wait as after a few refusals. */
const limitBackoff = 2;

interface Judged {
  readonly tries: number;
  readonly nextAt: Instant | null;
  readonly hold: 'admin' | 'user' | null;
}

function judge(
  draft: Draft,
  { retry, capacityMemory }: LaunchPolicy,
  prefix: string,
  jobId: number,
  { code, retryAt }: Why,
): Judged {
  const before = draft.state.jobs.get(jobId);
  // Nobody was asked for who only stood behind another, or for whom a limit has no room.
  const isNoTry = code === 'BehindAnother' || waitingCodes.has(code);
  const tries = (before?.tries ?? 0) + (isNoTry ? 0 : 1);
  const verdict = verdictOf(code);
  // Not the job's fault: it waits as it stood, for the fleet to be started.
  if (code === 'FleetStopped') return { tries: before?.tries ?? 0, nextAt: null, hold: null };
  const isHopeless = verdict === 'quota' || verdict === 'configuration' || verdict === 'never-here';
  if (isHopeless || heldCodes.has(code)) return { tries, nextAt: null, hold: 'admin' };
  // The owner's own words.
  if (code === 'NothingWished') return { tries, nextAt: null, hold: 'user' };
  // It waits as it stood, until a person starts its queue again.
  if (code === 'QueueProtected') return { tries: before?.tries ?? 0, nextAt: null, hold: null };
  if (waitingCodes.has(code)) {
    const again = draft.at + backoffMs(prefix, limitBackoff, retry.firstMs, retry.maxMs);
    return { tries, nextAt: retryAt ?? again, hold: null };
  }
  const isOver =
    !isNoTry && (tries >= retry.tries || draft.at - (before?.triedAt ?? draft.at) >= retry.forMs);
  if (isOver) return { tries, nextAt: null, hold: 'user' };
  if (retryAt !== undefined) return { tries, nextAt: retryAt, hold: null };
  const waitMs = backoffMs(prefix, tries - 1, retry.firstMs, retry.maxMs);
  // Before the refusal is forgotten EC2 would not be asked.
  const askedAgainMs = verdict === 'capacity' ? capacityMemory.refusalMs : 0;
  return { tries, nextAt: draft.at + Math.max(waitMs, askedAgainMs), hold: null };
}

/** Its gang, asked for at `since`, is whole and up: what stood in its comment before that is past. */
export function clearJobs(
  draft: Draft,
  gangId: string,
  jobIds: readonly number[],
  since: Instant,
): void {
  const told = jobIds.filter((id) => (draft.state.jobs.get(id)?.lastAt ?? Infinity) < since);
  if (told.length === 0) return;
  for (const jobId of told) draft.decisions.push({ kind: 'JobStarted', jobId });
  const id = `${gangId}/clear-${draft.at}`;
  draft.effects.push({
    kind: 'TellJobs',
    id,
    jobIds: told,
    note: null,
    startAt: null,
    hold: null,
    anyState: true,
  });
}

/** Refused jobs that wait no more, as Slurm has told of them since `askedAt`. */
export function forgetPast(draft: Draft, { started, gone }: PastJobs, askedAt: Instant): void {
  clearJobs(draft, `past-${draft.at}`, started, askedAt);
  for (const jobId of gone) {
    const refused = draft.state.jobs.get(jobId);
    if (refused !== undefined && refused.lastAt < askedAt)
      draft.decisions.push({ kind: 'JobForgotten', jobId });
  }
}

/** A job that Slurm has started again is not told of its last try any more; a hold that reaches it late is taken back. */
export function endTelling(draft: Draft, jobIds: readonly number[]): void {
  if (jobIds.length === 0) return;
  const started = new Set(jobIds);
  for (const { effect } of draft.state.outstanding.values()) {
    if (effect.kind !== 'TellJobs' || effect.release === true) continue;
    const late = effect.jobIds.filter((id) => started.has(id));
    if (late.length === 0) continue;
    abandon(draft, effect, 'its job has started again');
    const others = effect.jobIds.filter((id) => !started.has(id));
    if (others.length > 0) draft.effects.push({ ...effect, id: `${effect.id}'`, jobIds: others });
    if (effect.hold === null) continue;
    draft.effects.push({
      kind: 'TellJobs',
      id: `${effect.id}/release`,
      jobIds: late,
      note: null,
      startAt: null,
      hold: null,
      anyState: true,
      release: true,
    });
  }
}
