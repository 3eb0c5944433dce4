/** Which job gets which nodes, and when. */
import { giveBack, node, submit, up, usual } from './steps.ts';
import type { Story } from './story.ts';

export const storiesOfChoice: readonly Story[] = [
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
];
