/** The stories that the model of Slurm is held to. */
import type { Step, Story, StorySettings } from './story.ts';

const usual: StorySettings = {
  nodeCount: 4,
  suspendTime: 12,
  suspendTimeout: 4,
  resumeTimeout: 90,
  resumeRate: 0,
  credExpire: 15,
  slurmdTimeout: 300,
  minJobAge: 300,
  schedInterval: 60,
  bfInterval: 30,
};

function node(...numbers: number[]): string[] {
  return numbers.map((number) => `q-dy-c-${number}`);
}

function all(numbers: number[], state: string): Record<string, string> {
  return Object.fromEntries(node(...numbers).map((name) => [name, state]));
}

function submit(
  nodes: number,
  more: Partial<{
    seconds: number;
    array: string;
    exclusive: boolean;
    contiguous: boolean;
    requeue: boolean;
    nodelist: string;
    oversubscribe: boolean;
    beginAfterSeconds: number;
  }> = {},
): Step {
  return {
    kind: 'submit',
    job: { name: 'story', partition: 'q', nodes, seconds: 5, exclusive: true, ...more },
  };
}

function up(...numbers: number[]): Step[] {
  return [
    { kind: 'assign', nodes: node(...numbers) },
    { kind: 'register', nodes: node(...numbers) },
  ];
}

const giveBack = (numbers: number[]): Step[] => [
  { kind: 'down', nodes: node(...numbers), reason: '(Code:InsufficientInstanceCapacity)no room' },
  { kind: 'power-down', nodes: node(...numbers) },
];

export const stories: readonly Story[] = [
  {
    name: 'a job from submission to powered-down nodes',
    settings: usual,
    steps: [
      submit(3),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 3 },
      ...up(1, 2, 3),
      { kind: 'until', jobs: { '1': 'COMPLETED' }, atMost: 90 },
      { kind: 'until', hooks: 2, atMost: 40 },
      { kind: 'until', nodes: all([1, 2, 3], 'idle~'), atMost: 30 },
    ],
  },
  {
    name: 'a job waits for its last node',
    settings: usual,
    steps: [
      submit(3),
      { kind: 'until', hooks: 1, atMost: 20 },
      ...up(1),
      { kind: 'pass', seconds: 10 },
      ...up(2, 3),
      { kind: 'until', jobs: { '1': 'COMPLETED' }, atMost: 90 },
    ],
  },
  {
    name: 'nodes down and powered down, the job requeued',
    settings: usual,
    steps: [
      submit(2),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      ...giveBack([1, 2]),
      { kind: 'until', hooks: 2, atMost: 10 },
      { kind: 'until', nodes: all([1, 2], 'idle~'), atMost: 30 },
      { kind: 'until', hooks: 3, atMost: 60 },
      { kind: 'pass', seconds: 3 },
    ],
  },
  {
    name: 'nodes down and powered down, the job not to be requeued',
    settings: usual,
    steps: [
      submit(2, { requeue: false }),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      ...giveBack([1, 2]),
      { kind: 'until', hooks: 2, atMost: 10 },
      { kind: 'until', nodes: all([1, 2], 'idle~'), atMost: 30 },
    ],
  },
  {
    name: 'a requeued job has only its old nodes to go back to',
    settings: { ...usual, nodeCount: 2 },
    steps: [
      submit(2),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      ...giveBack([1, 2]),
      { kind: 'until', hooks: 3, atMost: 120 },
      { kind: 'pass', seconds: 3 },
    ],
  },
  {
    name: 'a busy scheduler starts a requeued job at its time',
    settings: { ...usual, nodeCount: 2, schedInterval: 2, bfInterval: 2 },
    steps: [
      submit(2),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      ...giveBack([1, 2]),
      { kind: 'until', hooks: 3, atMost: 120 },
      { kind: 'pass', seconds: 3 },
    ],
  },
  {
    name: 'nodes powered down by force alone',
    settings: usual,
    steps: [
      submit(2),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      { kind: 'power-down', nodes: node(1, 2) },
      { kind: 'until', nodes: all([1, 2], 'idle~'), atMost: 30 },
      submit(1, { requeue: false, nodelist: 'q-dy-c-4' }),
      { kind: 'until', nodes: all([4], 'alloc#'), atMost: 30 },
      { kind: 'pass', seconds: 2 },
      { kind: 'power-down', nodes: node(4) },
      { kind: 'until', nodes: all([4], 'idle~'), atMost: 30 },
    ],
  },
  {
    name: 'one node of a job fails and the others stay',
    settings: usual,
    steps: [
      submit(3),
      { kind: 'until', hooks: 1, atMost: 20 },
      ...up(1, 2),
      { kind: 'until', nodes: all([1, 2], 'alloc'), atMost: 20 },
      { kind: 'pass', seconds: 6 },
      ...giveBack([3]),
      { kind: 'until', hooks: 2, atMost: 10 },
      { kind: 'until', nodes: all([3], 'idle~'), atMost: 30 },
      { kind: 'until', hooks: 3, atMost: 40 },
      { kind: 'pass', seconds: 8 },
    ],
  },
  {
    name: 'nodes that never register',
    settings: { ...usual, resumeTimeout: 12 },
    steps: [
      submit(2),
      { kind: 'until', hooks: 2, atMost: 60 },
      { kind: 'pass', seconds: 5 },
      { kind: 'until', hooks: 3, atMost: 60 },
      { kind: 'pass', seconds: 3 },
    ],
  },
  {
    name: 'a cancelled job leaves its powering-up nodes to the next one',
    settings: usual,
    steps: [
      submit(2),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'cancel', job: '1' },
      { kind: 'pass', seconds: 3 },
      submit(2),
      { kind: 'pass', seconds: 5 },
      ...up(1, 2),
      { kind: 'until', jobs: { '2': 'COMPLETED' }, atMost: 90 },
    ],
  },
  {
    name: 'a cancelled job whose nodes come up for nobody',
    settings: usual,
    steps: [
      submit(1),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'cancel', job: '1' },
      { kind: 'pass', seconds: 2 },
      ...up(1),
      { kind: 'until', nodes: all([1], 'idle'), atMost: 20 },
      { kind: 'until', nodes: all([1], 'idle~'), atMost: 60 },
    ],
  },
  {
    name: 'a job takes nodes that are up before others',
    settings: usual,
    steps: [
      submit(1, { nodelist: 'q-dy-c-3', seconds: 1 }),
      { kind: 'until', hooks: 1, atMost: 20 },
      ...up(3),
      { kind: 'until', jobs: { '1': 'COMPLETED' }, atMost: 60 },
      { kind: 'pass', seconds: 4 },
      submit(2, { seconds: 1 }),
      { kind: 'until', hooks: 2, atMost: 20 },
      ...up(4),
      { kind: 'until', jobs: { '2': 'COMPLETED' }, atMost: 60 },
    ],
  },
  {
    name: 'an array wider than the partition',
    settings: { ...usual, nodeCount: 3 },
    steps: [
      submit(1, { array: '1-5', seconds: 8 }),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      ...up(1, 2, 3),
      { kind: 'until', jobs: { '1_5': 'COMPLETED' }, atMost: 120 },
    ],
  },
  {
    name: 'jobs that start in one moment share a call',
    settings: usual,
    steps: [
      submit(2),
      submit(1, { contiguous: true }),
      submit(3),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 4 },
      { kind: 'cancel', job: '1' },
      { kind: 'cancel', job: '2' },
      { kind: 'pass', seconds: 4 },
    ],
  },
  {
    name: 'a resume rate splits the calls',
    settings: { ...usual, nodeCount: 6, resumeRate: 4 },
    steps: [submit(6), { kind: 'until', hooks: 3, atMost: 90 }, { kind: 'pass', seconds: 2 }],
  },
  {
    name: 'a contiguous job steps over a gap',
    settings: { ...usual, nodeCount: 6 },
    steps: [
      submit(1, { nodelist: 'q-dy-c-3' }),
      submit(3, { contiguous: true }),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 3 },
    ],
  },
  {
    name: 'a contiguous job beside a node that is up',
    settings: { ...usual, nodeCount: 5, suspendTime: 60 },
    steps: [
      submit(1, { nodelist: 'q-dy-c-3', seconds: 1 }),
      { kind: 'until', hooks: 1, atMost: 20 },
      ...up(3),
      { kind: 'until', jobs: { '1': 'COMPLETED' }, atMost: 60 },
      { kind: 'pass', seconds: 4 },
      submit(3, { contiguous: true }),
      { kind: 'pass', seconds: 5 },
    ],
  },
  {
    name: 'a wide job waits and a small one waits behind it',
    settings: usual,
    steps: [
      submit(2, { seconds: 20 }),
      { kind: 'until', hooks: 1, atMost: 20 },
      submit(3),
      submit(1),
      submit(1, { nodelist: 'q-dy-c-1' }),
      { kind: 'pass', seconds: 35 },
    ],
  },
  {
    name: 'jobs that cannot start',
    settings: usual,
    steps: [
      submit(5),
      submit(1, { beginAfterSeconds: 8 }),
      submit(1, { nodelist: 'q-dy-c-9' }),
      { kind: 'down', nodes: node(3, 4), reason: 'broken' },
      { kind: 'pass', seconds: 1 },
      submit(3),
      { kind: 'until', hooks: 1, atMost: 30 },
      { kind: 'pass', seconds: 4 },
    ],
  },
  {
    name: 'jobs that share a node',
    settings: usual,
    steps: [
      submit(1, { exclusive: false, oversubscribe: true, seconds: 20 }),
      submit(1, { exclusive: false, oversubscribe: true, seconds: 20 }),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      ...giveBack([1]),
      { kind: 'until', hooks: 2, atMost: 20 },
      { kind: 'pass', seconds: 3 },
    ],
  },
  {
    name: 'a running job loses a node by force',
    settings: usual,
    steps: [
      submit(2, { seconds: 60 }),
      { kind: 'until', hooks: 1, atMost: 20 },
      ...up(1, 2),
      { kind: 'until', jobs: { '1': 'RUNNING' }, atMost: 60 },
      { kind: 'pass', seconds: 2 },
      { kind: 'power-down', nodes: node(2) },
      { kind: 'until', nodes: all([2], 'idle~'), atMost: 30 },
      { kind: 'pass', seconds: 2 },
    ],
  },
  {
    name: 'a running job loses a node that dies',
    settings: { ...usual, slurmdTimeout: 10 },
    steps: [
      submit(2, { seconds: 120, requeue: false }),
      { kind: 'until', hooks: 1, atMost: 20 },
      ...up(1, 2),
      { kind: 'until', jobs: { '1': 'RUNNING' }, atMost: 60 },
      { kind: 'lose', nodes: node(2) },
      { kind: 'until', jobs: { '1': 'NODE_FAIL' }, atMost: 90 },
      { kind: 'pass', seconds: 5 },
    ],
  },
  {
    name: 'commands that Slurm refuses',
    settings: usual,
    steps: [
      { kind: 'assign', nodes: ['q-dy-c-1', 'q-dy-c-9'] },
      { kind: 'down', nodes: ['q-dy-c-1', 'nobody-1'], reason: 'x' },
      { kind: 'power-down', nodes: ['nobody-1'] },
      { kind: 'power-down', nodes: node(1) },
      { kind: 'cancel', job: '77' },
      { kind: 'pass', seconds: 8 },
      { kind: 'down', nodes: node(2), reason: 'idle' },
      { kind: 'pass', seconds: 2 },
      { kind: 'power-down', nodes: node(2) },
      { kind: 'until', nodes: all([2], 'idle~'), atMost: 30 },
    ],
  },
  {
    name: 'a job cancelled before the power-save thread looks',
    settings: usual,
    steps: [
      submit(2),
      { kind: 'until', nodes: all([1, 2], 'alloc~'), atMost: 5 },
      { kind: 'cancel', job: '1' },
      { kind: 'pass', seconds: 14 },
    ],
  },
  {
    name: 'commands on nodes that are powering down',
    settings: { ...usual, suspendTimeout: 6 },
    steps: [
      submit(3, { requeue: false }),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      { kind: 'power-down', nodes: node(1, 2, 3) },
      { kind: 'until', hooks: 2, atMost: 10 },
      { kind: 'pass', seconds: 2 },
      { kind: 'power-down', nodes: node(1) },
      { kind: 'down', nodes: node(2), reason: 'late' },
      { kind: 'register', nodes: node(3) },
      { kind: 'pass', seconds: 30 },
    ],
  },
  {
    name: 'nodes register that are down or powered down',
    settings: usual,
    steps: [
      submit(1),
      { kind: 'until', hooks: 1, atMost: 20 },
      { kind: 'pass', seconds: 2 },
      { kind: 'down', nodes: node(1), reason: 'late' },
      { kind: 'pass', seconds: 1 },
      { kind: 'register', nodes: node(1, 4) },
      { kind: 'pass', seconds: 12 },
    ],
  },
  {
    name: 'a slurmd that comes after ResumeTimeout',
    settings: { ...usual, resumeTimeout: 8 },
    steps: [
      submit(1, { requeue: false }),
      { kind: 'until', hooks: 2, atMost: 40 },
      { kind: 'pass', seconds: 2 },
      { kind: 'register', nodes: node(1) },
      { kind: 'pass', seconds: 30 },
    ],
  },
];
