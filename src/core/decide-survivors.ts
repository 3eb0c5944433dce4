/**
 * Jobs that have lost a node while they ran (survivors.ts): what is left is kept for the next try, which is spared Slurm's
 * wait; what the next try does not use, or nobody will, is let go.
 */
import { few } from './decide-gang.ts';
import { wakeAt } from './decide-job.ts';
import type { Draft } from './draft.ts';
import type { TellJobs } from './effects.ts';
import { affairs } from './fleet-facts.ts';
import { noteOf } from './job-note.ts';
import { drainReason } from './reasons.ts';
import { keptForMs, type StruckJob, type SurvivorsSettled } from './survivors.ts';

export function strikeJobs(draft: Draft, struck: readonly StruckJob[]): void {
  for (const { jobId, lost, left: nodes, isHeterogeneous } of struck) {
    if (draft.state.survivors.has(jobId)) continue;
    const left = nodes.flatMap((node) => {
      const instanceId = draft.state.leases.get(node)?.instance.instanceId;
      return instanceId === undefined ? [] : [{ node, instanceId }];
    });
    if (left.length === 0 && !isHeterogeneous) continue;
    const keptUntil = draft.at + keptForMs;
    draft.decisions.push({ kind: 'JobStruck', jobId, lost, left, keptUntil });
    const told = tellStruck(draft, jobId, lost, left.length > 0);
    if (told === null) continue;
    draft.effects.push(told);
    // Where Slurm's own wait could not be cut short, nobody else wakes the job when it is over.
    if (isHeterogeneous) wakeAt(draft, told, Math.max(told.startAt ?? 0, keptUntil));
  }
}

/** What its owner reads, and when it may start; null where it waits for a person, who has its reason before him. */
function tellStruck(
  draft: Draft,
  jobId: number,
  lost: readonly string[],
  isKept: boolean,
): TellJobs | null {
  const id = `struck-${jobId}-${draft.at}`;
  const common = { kind: 'TellJobs', id, jobIds: [jobId], hold: null, endsWait: true } as const;
  const refused = draft.state.jobs.get(jobId);
  // A leader that was refused waits while another component, which was up already, loses its node.
  if (refused?.nextAt === null) return null;
  if (refused !== undefined && refused.nextAt > draft.at) {
    const note = noteOf({ ...refused, at: refused.lastAt, hold: null });
    return { ...common, note, startAt: refused.nextAt };
  }
  const at = `${new Date(draft.at).toISOString().slice(0, 19)}Z`;
  const next = isKept
    ? 'the other nodes of the job are kept for its next try, which needs only what is missing'
    : 'the job is tried again at once';
  return { ...common, note: `${few(lost)} was lost ${at}; ${next}`, startAt: draft.at };
}

/** Returns the nodes that are let go. */
export function settleJobs(draft: Draft, settled: readonly SurvivorsSettled[]): string[] {
  if (settled.length === 0) return [];
  const released: string[] = [];
  const affairOf = affairs(draft.state);
  for (const { jobId, outcome, taken } of settled) {
    const survivors = draft.state.survivors.get(jobId);
    if (survivors === undefined) continue;
    const used = new Set(taken);
    const nodes = survivors.nodes.flatMap(({ node, instanceId }) => {
      const isSame = draft.state.leases.get(node)?.instance.instanceId === instanceId;
      return isSame && !used.has(node) && affairOf(node) === 'none' ? [node] : [];
    });
    draft.decisions.push({ kind: 'JobSettled', jobId, outcome, nodes });
    const id = `survivors-${jobId}-${draft.at}`;
    const why = { code: 'JobOverNodes', message: says[outcome] };
    if (nodes.length > 0)
      draft.effects.push({
        kind: 'ReleaseNodes',
        id,
        nodes,
        reason: drainReason(why),
        code: why.code,
      });
    // What it was told since, of a refusal, stands in the place of that note, and is true until it starts.
    const refusedAt = draft.state.jobs.get(jobId)?.lastAt ?? -Infinity;
    if (outcome === 'started' && refusedAt < survivors.keptUntil - keptForMs)
      clearNote(draft, jobId);
    released.push(...nodes);
  }
  return released;
}

const says: Readonly<Record<SurvivorsSettled['outcome'], string>> = {
  started: 'its job lost another node and runs on others now',
  gone: 'its job lost another node and is gone',
  late: 'its job lost another node and waits for something else',
};

/** What it was told is past. */
function clearNote(draft: Draft, jobId: number): void {
  draft.effects.push({
    kind: 'TellJobs',
    id: `struck-${jobId}-${draft.at}/clear`,
    jobIds: [jobId],
    note: null,
    startAt: null,
    hold: null,
    anyState: true,
  });
}
