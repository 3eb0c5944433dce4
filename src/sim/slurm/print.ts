/** What sinfo and squeue print in their default formats: the same columns, widths, groups and order. */
import { foldSorted } from '../../core/hostlist.ts';
import type { DurationMs } from '../../core/units.ts';
import { priorityOf } from './jobs.ts';
import type { JobRecord, NodeRecord } from './types.ts';
import { baseState, compactState } from './world.ts';
import type { World } from './world.ts';

/** Slurm's numbers of the base states and of the flags that the model has. sinfo lists the highest sum first. */
const baseNumber = { down: 1, idle: 2, alloc: 3, mix: 5 } as const;
const flagNumber = {
  drained: 0x200,
  completing: 0x400,
  silent: 0x800,
  saved: 0x1000,
  'powering-up': 0x4800,
  up: 0,
  'powering-down': 0x40000,
  'down-wanted': 0x800000,
  planned: 0x2000000,
} as const;

/** The text of `sinfo`. */
export function renderSinfo(world: World): string {
  const names = [...world.partitions.keys()].map((name, index) =>
    index === 0 ? `${name}*` : name,
  );
  const width = Math.max(9, ...names.map((name) => name.length));
  const lines = [`${'PARTITION'.padEnd(width)} AVAIL  TIMELIMIT  NODES  STATE NODELIST`];
  for (const [index, partition] of [...world.partitions.values()].entries()) {
    const name = (names[index] ?? '').padEnd(width);
    const avail = (partition.isUp ? 'up' : 'inact').padStart(5);
    const groups = byState(world, partition.nodes);
    if (groups.length === 0) lines.push(`${name} ${avail}   infinite      0    n/a`);
    for (const [state, nodes] of groups) {
      const count = String(nodes.length).padStart(6);
      const list = foldSorted(nodes.map((node) => node.name));
      lines.push(`${name} ${avail}   infinite ${count} ${state.padStart(6)} ${list}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function byState(world: World, nodes: readonly NodeRecord[]): [string, NodeRecord[]][] {
  const groups = new Map<string, NodeRecord[]>();
  for (const node of nodes) {
    const state = compactState(world, node);
    const group = groups.get(state);
    if (group === undefined) groups.set(state, [node]);
    else group.push(node);
  }
  return [...groups].toSorted(
    ([, a], [, b]) => stateNumber(world, b[0]) - stateNumber(world, a[0]),
  );
}

function stateNumber(world: World, node: NodeRecord | undefined): number {
  if (node === undefined) return 0;
  const drained = node.isDrained ? flagNumber.drained : 0;
  const silent = node.isSilent && node.power !== 'powering-up' ? flagNumber.silent : 0;
  const completing = node.completing > 0 ? flagNumber.completing : 0;
  const planned = world.planned.has(node) ? flagNumber.planned : 0;
  return (
    planned + baseNumber[baseState(node)] + drained + silent + completing + flagNumber[node.power]
  );
}

const compactJobState: Partial<Record<JobRecord['state'], string>> = {
  PENDING: 'PD',
  CONFIGURING: 'CF',
  RUNNING: 'R',
  COMPLETING: 'CG',
};

/** The text of `squeue`: jobs that have not ended; the waiting tasks of an array on one line. */
export function renderSqueue(world: World): string {
  const lines = [
    '             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)',
  ];
  const partitions = [...world.partitions.values()];
  const rows: { partition: number; state: string; job: JobRecord; text: string }[] = [];
  for (const { job, label } of shown(world)) {
    const state = compactJobState[job.state];
    if (state === undefined) continue;
    const isPending = state === 'PD';
    const name = job.request.name ?? 'wrap';
    const time = isPending ? 0 : world.clock.now() - job.allocatedAt;
    const count = isPending
      ? Math.max(job.request.nodes, job.required?.length ?? 0)
      : job.nodes.length;
    const where = isPending ? `(${job.reason})` : foldSorted(job.nodes.map((node) => node.name));
    const columns = [
      cell(label, 18),
      cell(job.partition.name, 9),
      cell(name, 8),
      cell('root', 8),
      cell(state, 2),
      cell(duration(time), 10),
      cell(String(count), 6),
      where,
    ];
    const partition = partitions.indexOf(job.partition);
    rows.push({ partition, state, job, text: columns.join(' ') });
  }
  rows.sort(
    (a, b) =>
      a.partition - b.partition ||
      compareText(a.state, b.state) ||
      priorityOf(b.job) - priorityOf(a.job) ||
      a.job.order - b.job.order,
  );
  return `${[...lines, ...rows.map((row) => row.text)].join('\n')}\n`;
}

function shown(world: World): { job: JobRecord; label: string }[] {
  const rows: { job: JobRecord; label: string }[] = [];
  const waiting = new Map<unknown, { job: JobRecord; tasks: string[] }>();
  for (const job of world.jobs) {
    const isTaskWaiting = job.array !== null && job.state === 'PENDING' && job.allocatedAt === 0;
    if (!isTaskWaiting) {
      rows.push({ job, label: job.label });
      continue;
    }
    const group = waiting.get(job.array);
    if (group === undefined) waiting.set(job.array, { job, tasks: [String(job.task)] });
    else group.tasks.push(String(job.task));
  }
  for (const { job, tasks } of waiting.values()) {
    rows.push({ job, label: `${job.array?.id}_${foldSorted(tasks)}` });
  }
  return rows;
}

/** squeue sorts by the two letters of the state: CF, CG, PD, R. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function cell(text: string, width: number) {
  return text.slice(0, width).padStart(width);
}

/** `M:SS`, `H:MM:SS` or `D-HH:MM:SS`. */
function duration(ms: DurationMs): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const tail = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  if (days > 0) return `${days}-${two(hours)}:${tail}`;
  return hours > 0 ? `${hours}:${tail}` : tail.replace(/^0/, '');
}
