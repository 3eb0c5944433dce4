/** Reads what squeue and sinfo print in the formats that the lab asks for. Pure. */
import { parseHostlist } from '../core/hostlist.ts';
import type { JobState, JobStatus, NodeStatus } from '../ports/slurm-commands.ts';

/**
 * `--Format` of the job listing that `parseJobs` reads; used with `--array` and `--states=all`. The letters of `--format` have
 * no AdminComment.
 */
export const JOB_FORMAT = ['JobArrayID', 'HetJobID', 'HetJobOffset', 'State', 'Reason', 'NodeList']
  .map((field) => `${field}:|,`)
  .concat('admin_comment:|')
  .join('');

/**
 * `--format` of the node listing that `parseNodes` reads: nodes in one state, folded. A line for each node (`--Node`) costs
 * twelve times the CPU at 5,000 nodes, several times a second.
 */
export const NODE_FORMAT = '%N|%t|%E';

/** Throws when a line has another shape than JOB_FORMAT: a Slurm that prints otherwise must not pass for an empty queue. */
export function parseJobs(text: string): readonly JobStatus[] {
  return linesOf(text).map((line) => {
    const [id, leader, offset, state, reason, nodes, comment] = splitFields(line, 7, 'squeue');
    return {
      id: /^[0-9]+$/.test(offset) && leader !== '0' ? `${leader}+${offset}` : id,
      state: jobState(state),
      reason,
      nodes: expand(nodes, 'squeue'),
      adminComment: withoutNull(comment.replace(/\|$/, '')),
    };
  });
}

/** A node of several partitions is printed once for each; it is returned once. */
export function parseNodes(text: string): readonly NodeStatus[] {
  const nodes = new Map<string, NodeStatus>();
  for (const line of linesOf(text)) {
    const [names, state, reason] = splitFields(line, 3, 'sinfo');
    for (const name of expand(names, 'sinfo')) {
      if (!nodes.has(name))
        nodes.set(name, { name, state, reason: reason === 'none' ? '' : reason });
    }
  }
  return [...nodes.values()];
}

/** Some versions print a comment that is not there as nothing, some so. */
function withoutNull(comment: string): string {
  return comment === '(null)' ? '' : comment;
}

const sameWord: ReadonlySet<string> = new Set<JobState>([
  'PENDING',
  'CONFIGURING',
  'RUNNING',
  'COMPLETING',
  'COMPLETED',
  'FAILED',
  'NODE_FAIL',
  'CANCELLED',
  'TIMEOUT',
]);

/** Slurm's other words, by what they mean for somebody who waits for the job. */
const otherWords: Readonly<Record<string, JobState>> = {
  REQUEUED: 'PENDING',
  REQUEUE_FED: 'PENDING',
  REQUEUE_HOLD: 'PENDING',
  SPECIAL_EXIT: 'PENDING',
  SUSPENDED: 'RUNNING',
  STOPPED: 'RUNNING',
  SIGNALING: 'RUNNING',
  RESIZING: 'RUNNING',
  STAGE_OUT: 'COMPLETING',
  BOOT_FAIL: 'NODE_FAIL',
  DEADLINE: 'TIMEOUT',
  OUT_OF_MEMORY: 'FAILED',
  PREEMPTED: 'CANCELLED',
  REVOKED: 'CANCELLED',
};

function jobState(word: string): JobState {
  if (sameWord.has(word)) return word as JobState;
  const known = otherWords[word];
  if (known === undefined)
    throw new Error(`squeue prints a job state that is not known: "${word}"`);
  return known;
}

function expand(hostlist: string, program: string): readonly string[] {
  const result = parseHostlist(hostlist);
  if (result.kind === 'error') {
    throw new Error(`${program} prints a node list that cannot be read: "${hostlist}"`);
  }
  return result.nodes;
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** The last field keeps any further separators. */
function splitFields<N extends 3 | 7>(line: string, count: N, program: string): Fields[N] {
  const parts = line.split('|');
  if (parts.length < count) throw new Error(`${program} prints a line of another shape: "${line}"`);
  const last = parts.slice(count - 1).join('|');
  return [...parts.slice(0, count - 1), last].map((part) => part.trim()) as unknown as Fields[N];
}

interface Fields {
  3: [string, string, string];
  7: [string, string, string, string, string, string, string];
}
