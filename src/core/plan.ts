/**
 * From a request to gangs and batches. Two ways, after ParallelCluster's own history:
 *
 * - `job`: every job of the resume file is a gang. Jobs of one node each, next to one another, share a soft call:
 *   each node stands for itself, so a refusal of one hurts no other, and EC2 is asked once instead of a thousand times.
 * - `node-list`: the seed page's. Nodes in Slurm's order, grouped by queue and compute resource, cut at max_batch_size.
 *   Nodes that belong to no job, and requests without a readable resume file, go this way in either mode; but in `job`
 *   mode static nodes without a job are a gang for each set (static-sets.ts).
 *
 * The plan knows nothing of what already runs; `decide` leaves out nodes that hold an instance.
 */
import { createLocator, type Place } from './fleet.ts';
import type { GangKind, Refusal } from './gang.ts';
import { foldHostlist, parseHostlistElements } from './hostlist.ts';
import type { JobFacts, Told } from './job-facts.ts';
import { parseJobWish, type JobWish } from './job-wish.ts';
import { settingsFor } from './launch-policy.ts';
import { parseResumeFile, type ResumeJob } from './resume-file.ts';
import type { PlanMode, Settings } from './settings.ts';
import { createSetFinder } from './static-sets.ts';

export interface PlannedBatch {
  readonly place: Place;
  readonly nodes: readonly string[];
  readonly minCount: number;
  readonly maxCount: number;
}

export interface PlannedGang {
  readonly kind: GangKind;
  readonly firm: boolean;
  readonly jobIds: readonly number[];
  /** The static set that it is of. */
  readonly set?: string;
  /** The highest of its jobs, where Slurm tells it. */
  readonly priority?: number;
  /** What its job asks for itself; jobs of one node each are asked for together, and for none. */
  readonly wish?: JobWish;
  /** Whose each node is, where every job has one of its own. */
  readonly jobNodes?: readonly (readonly [number, string])[];
  readonly nodes: readonly string[];
  /** Members that are not up and that Slurm has not asked for in this request. */
  readonly missing: readonly string[];
  /** What it would launch if nothing ran yet: nodes that an earlier gang of the request launches are left out. */
  readonly batches: readonly PlannedBatch[];
}

/**
 * A job of the resume file with the nodes that this request asks for, in the request's order; the components of a
 * heterogeneous job are one.
 */
export interface PlannedJob {
  /** The leader's, for a heterogeneous job. */
  readonly jobId: number;
  readonly jobIds: readonly number[];
  readonly priority: number | null;
  /** What its owner asks for in --comment and --extra; and the words there that say nothing. */
  readonly wish: JobWish;
  readonly unknownWords: readonly string[];
  readonly nodes: readonly string[];
  readonly missing: readonly string[];
}

export interface Plan {
  readonly mode: PlanMode;
  readonly nodes: readonly string[];
  readonly jobs: readonly PlannedJob[];
  readonly gangs: readonly PlannedGang[];
  /** Nodes that cannot be launched, with why. */
  readonly rejected: readonly Refusal[];
  /** Nodes that only jobs wanted which Slurm does not know as theirs any more. */
  readonly unwanted: readonly string[];
  /** Parts of the input that could not be used at all. */
  readonly faults: readonly string[];
}

/**
 * Plans a request: a hostlist as Slurm passes it, the text of the resume file or null, and what Slurm says of the jobs
 * where it was asked. Without that a job's members are the nodes that the file names.
 */
export function planRequest(
  settings: Settings,
  hostlist: string,
  resumeFile: string | null,
  told: Told | null = null,
): Plan {
  const { nodes, errors } = parseHostlistElements(hostlist);
  const faults = errors.map(
    ({ element, error }) =>
      `hostlist element "${element}": ${error.message} (column ${error.column}); ${error.hint}`,
  );
  if (nodes.length === 0 && errors.length === 0)
    faults.push('the hostlist is empty: nothing to do');
  const { places, rejected } = locateAll(settings, nodes);
  const inFile = readJobs(resumeFile, places, faults);
  const jobs = told === null ? inFile : tellJobs(inFile, told, faults);
  const unwanted = nodesOnlyOf(inFile, jobs);
  for (const node of unwanted) places.delete(node);
  const wanted = [...places.keys()];
  const gangs =
    settings.mode === 'job' ? planJobs(settings, places, jobs) : planNodeList(places, wanted, jobs);
  return { mode: settings.mode, nodes: wanted, jobs, gangs, rejected, unwanted, faults };
}

/** Plans jobs that Slurm put on nodes for which it calls nobody: they (`asked`) are powering up already, for others. */
export function planSilentJobs(settings: Settings, asked: readonly string[], told: Told): Plan {
  const jobs = told.jobs.map(({ jobId, nodes }) => ({ job_id: jobId, nodes }));
  return planRequest(settings, foldHostlist(asked), JSON.stringify({ jobs }), told);
}

/** Cuts nodes into batches by compute resource, in order of first appearance, each at most its max_batch_size. */
export function cutBatches(
  nodes: readonly string[],
  placeOf: (node: string) => Place,
  isFirm: (place: Place) => boolean,
): PlannedBatch[] {
  const byPlace = new Map<Place, string[]>();
  for (const node of nodes) {
    const place = placeOf(node);
    const group = byPlace.get(place);
    if (group === undefined) byPlace.set(place, [node]);
    else group.push(node);
  }
  const batches: PlannedBatch[] = [];
  for (const [place, group] of byPlace) {
    const { maxBatchSize } = place.policy;
    for (let from = 0; from < group.length; from += maxBatchSize) {
      const cut = group.slice(from, from + maxBatchSize);
      batches.push({
        place,
        nodes: cut,
        minCount: isFirm(place) ? cut.length : 1,
        maxCount: cut.length,
      });
    }
  }
  return batches;
}

function locateAll(
  settings: Settings,
  nodes: readonly string[],
): { places: Map<string, Place>; rejected: Refusal[] } {
  const locate = createLocator(settings);
  const places = new Map<string, Place>();
  const refusals = new Map<string, { code: string; message: string; nodes: string[] }>();
  for (const node of new Set(nodes)) {
    const located = locate(node);
    if (located.kind === 'place') {
      places.set(node, located.place);
      continue;
    }
    const { code, message, about } = located;
    const known = refusals.get(`${code} ${about}`);
    if (known !== undefined) known.nodes.push(node);
    else refusals.set(`${code} ${about}`, { code, message, nodes: [node] });
  }
  return { places, rejected: [...refusals.values()] };
}

function readJobs(
  resumeFile: string | null,
  places: ReadonlyMap<string, Place>,
  faults: string[],
): PlannedJob[] {
  // Nothing can be launched: whose it would have been is not worth a word beside why.
  if (places.size === 0) return [];
  if (resumeFile === null) {
    faults.push('no SLURM_RESUME_FILE: the nodes are launched as a node list, jobs unknown');
    return [];
  }
  const file = parseResumeFile(resumeFile);
  if (file.kind === 'unreadable') {
    faults.push(`${file.message}: the nodes are launched as a node list, jobs unknown`);
    return [];
  }
  faults.push(...file.problems);
  const order = new Map([...places.keys()].map((node, index) => [node, index]));
  const jobs: PlannedJob[] = [];
  for (const job of file.jobs) {
    const nodes = nodesOfJob(job, order, faults);
    if (nodes.length === 0) continue;
    const { jobId, priority } = job;
    jobs.push({ ...noWish, jobId, jobIds: [jobId], priority, nodes, missing: [] });
  }
  return byPriority(jobs);
}

const noWish = { wish: {}, unknownWords: [] };

/** Array.sort is stable: equal priorities, and files without any, keep Slurm's order. */
function byPriority(jobs: PlannedJob[]): PlannedJob[] {
  return jobs.sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
}

/** Joins the components of heterogeneous jobs, adds the members that the file does not name, leaves out jobs that are gone. */
function tellJobs(inFile: readonly PlannedJob[], told: Told, faults: string[]): PlannedJob[] {
  const facts = new Map(told.jobs.map((each) => [each.jobId, each]));
  const componentsOf = Map.groupBy(told.jobs, (each) => each.hetJobId ?? each.jobId);
  const absent = new Set(nodesIn(told.absent, faults));
  const groups = new Map<number, PlannedJob[]>();
  for (const job of inFile) {
    const fact = facts.get(job.jobId);
    if (fact?.isAllocated !== true) continue;
    const leader = fact.hetJobId ?? job.jobId;
    groups.set(leader, [...(groups.get(leader) ?? []), job]);
  }
  const jobs: PlannedJob[] = [];
  for (const [leader, group] of groups) {
    const nodes = [...new Set(group.flatMap((job) => job.nodes))];
    const known = new Set(nodes);
    const components = componentsOf.get(leader) ?? [];
    const members = components.flatMap((each) => nodesIn(each.nodes, faults));
    jobs.push({
      jobId: leader,
      jobIds: components
        .map((each) => each.jobId)
        .sort((a, b) => Number(b === leader) - Number(a === leader)),
      ...wishOf(components),
      priority: components[0]?.priority ?? group[0]?.priority ?? null,
      nodes,
      missing: [...new Set(members)].filter((node) => absent.has(node) && !known.has(node)),
    });
  }
  return byPriority(jobs);
}

function wishOf(components: readonly JobFacts[]): Pick<PlannedJob, 'wish' | 'unknownWords'> {
  const text = components.map(({ comment, extra }) => `${comment} ${extra}`).join(' ');
  const { wish, unknown } = parseJobWish(text);
  return { wish, unknownWords: unknown };
}

function nodesIn(hostlist: string, faults: string[]): readonly string[] {
  if (hostlist === '') return [];
  const { nodes, errors } = parseHostlistElements(hostlist);
  for (const { element, error } of errors) {
    faults.push(`Slurm names nodes "${element}": ${error.message}; ${error.hint}`);
  }
  return nodes;
}

/** The nodes of jobs that are gone, without those that another job of the request wants. */
function nodesOnlyOf(inFile: readonly PlannedJob[], jobs: readonly PlannedJob[]): string[] {
  const left = new Set(inFile.flatMap((job) => job.nodes));
  for (const job of jobs) for (const node of job.nodes) left.delete(node);
  return [...left];
}

/** A power-action group's call carries every job but only its own nodes: the argument decides. */
function nodesOfJob(
  job: ResumeJob,
  order: ReadonlyMap<string, number>,
  faults: string[],
): string[] {
  const { nodes, errors } = parseHostlistElements(job.nodesResume);
  for (const { element, error } of errors) {
    faults.push(
      `SLURM_RESUME_FILE job ${job.jobId}: nodes "${element}": ${error.message}; ${error.hint}`,
    );
  }
  const asked = new Set(nodes.filter((node) => order.has(node)));
  return [...asked].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
}

function planJobs(
  settings: Settings,
  places: ReadonlyMap<string, Place>,
  jobs: readonly PlannedJob[],
): PlannedGang[] {
  const placeOf = placeFinder(places);
  const gangs: PlannedGang[] = [];
  const taken = new Set<string>();
  for (const group of groupSingles(jobs, placeOf)) {
    const single = group.length > 1;
    const nodes = [...new Set(group.flatMap((job) => job.nodes))];
    const wish = (single ? undefined : group[0]?.wish) ?? {};
    const policy = settingsFor(settings, { places: [...new Set(nodes.map(placeOf))], wish });
    const firm = !single && policy.scalingStrategy !== 'best-effort';
    const own = nodes.filter((node) => !taken.has(node));
    for (const node of own) taken.add(node);
    gangs.push({
      kind: single ? 'single-node-jobs' : 'job',
      firm,
      jobIds: group.flatMap((job) => job.jobIds),
      ...highestOf(group),
      ...(!single && { wish }),
      ...(single && {
        jobNodes: group.flatMap((job) => job.nodes.map((node) => [job.jobId, node] as const)),
      }),
      nodes,
      missing: group.flatMap((job) => job.missing),
      batches: cutBatches(own, placeOf, () => firm),
    });
  }
  const jobless = [...places.keys()].filter((node) => !taken.has(node));
  const sets = planSets(settings, places, jobless);
  const inSets = new Set(sets.flatMap(({ nodes }) => nodes));
  const others = jobless.filter((node) => !inSets.has(node));
  return [...gangs, ...sets, ...planNodeList(places, others, [])];
}

/** Static nodes that no job has asked for, set by set. */
function planSets(
  settings: Settings,
  places: ReadonlyMap<string, Place>,
  nodes: readonly string[],
): PlannedGang[] {
  const find = createSetFinder(settings);
  const bySet = Map.groupBy(nodes, find);
  return [...bySet].flatMap(([set, own]): PlannedGang[] => {
    if (set === null) return [];
    const firm = set.launch === 'all-or-nothing';
    const batches = cutBatches(own, placeFinder(places), () => firm);
    return [
      { kind: 'static-set', firm, jobIds: [], set: set.key, nodes: own, missing: [], batches },
    ];
  });
}

function highestOf(jobs: readonly PlannedJob[]): Pick<PlannedGang, 'priority'> {
  const priorities = jobs.flatMap(({ priority }) => priority ?? []);
  return priorities.length === 0 ? {} : { priority: Math.max(...priorities) };
}

/**
 * Jobs in order; those of one node on the same compute resource join the last such group, but never past a wider job
 * of higher priority: a node must not overtake. One whose node a wider job has waits for that job, and alone.
 */
function groupSingles(
  jobs: readonly PlannedJob[],
  placeOf: (node: string) => Place,
): PlannedJob[][] {
  const groups: PlannedJob[][] = [];
  let open = new Map<Place, PlannedJob[]>();
  const wide = new Set<string>();
  for (const job of jobs) {
    const [node] = job.nodes;
    const isAlone = job.missing.length > 0 || Object.keys(job.wish).length > 0;
    if (job.nodes.length > 1 || isAlone || node === undefined) {
      if (job.priority !== null) open = new Map();
      for (const each of job.nodes) wide.add(each);
      groups.push([job]);
      continue;
    }
    if (wide.has(node)) {
      groups.push([job]);
      continue;
    }
    const group = open.get(placeOf(node));
    if (group !== undefined) {
      group.push(job);
      continue;
    }
    const fresh = [job];
    open.set(placeOf(node), fresh);
    groups.push(fresh);
  }
  return groups;
}

function planNodeList(
  places: ReadonlyMap<string, Place>,
  nodes: readonly string[],
  jobs: readonly PlannedJob[],
): PlannedGang[] {
  const isFirm = ({ policy }: Place): boolean => policy.allOrNothingBatch;
  const jobsOf = new Map<string, number[]>();
  for (const job of jobs) {
    for (const node of job.nodes) jobsOf.set(node, [...(jobsOf.get(node) ?? []), job.jobId]);
  }
  return cutBatches(nodes, placeFinder(places), isFirm).map((batch) => ({
    kind: 'launch-batch',
    firm: isFirm(batch.place),
    jobIds: [...new Set(batch.nodes.flatMap((node) => jobsOf.get(node) ?? []))],
    nodes: batch.nodes,
    missing: [],
    batches: [batch],
  }));
}

function placeFinder(places: ReadonlyMap<string, Place>): (node: string) => Place {
  return (node) => {
    const place = places.get(node);
    if (place === undefined) throw new Error(`node ${node} was planned without a place`);
    return place;
  };
}
