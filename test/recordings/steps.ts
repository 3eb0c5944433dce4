/** What stories are made of: the usual cluster, and steps in few words. */
import type { Step, StorySettings } from './story.ts';

export const usual: StorySettings = {
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

export function node(...numbers: number[]): string[] {
  return numbers.map((number) => `q-dy-c-${number}`);
}

export function all(numbers: number[], state: string): Record<string, string> {
  return Object.fromEntries(node(...numbers).map((name) => [name, state]));
}

export function submit(
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
    hold: boolean;
  }> = {},
): Step {
  return {
    kind: 'submit',
    job: { name: 'story', partition: 'q', nodes, seconds: 5, exclusive: true, ...more },
  };
}

export function up(...numbers: number[]): Step[] {
  return [
    { kind: 'assign', nodes: node(...numbers) },
    { kind: 'register', nodes: node(...numbers) },
  ];
}

export const giveBack = (numbers: number[]): Step[] => [
  { kind: 'down', nodes: node(...numbers), reason: '(Code:InsufficientInstanceCapacity)no room' },
  { kind: 'power-down', nodes: node(...numbers) },
];

/** A heterogeneous job of components with these numbers of nodes. */
export function submitHet(
  nodes: readonly [number, ...number[]],
  more: Partial<{
    seconds: number;
    requeue: boolean;
    hold: boolean;
    beginAfterSeconds: number;
  }> = {},
): Step {
  const [first, ...others] = nodes;
  const het = others.map((count) => ({ partition: 'q', nodes: count }));
  const job = { name: 'story', partition: 'q', nodes: first, seconds: 5, exclusive: true, het };
  return { kind: 'submit', job: { ...job, ...more } };
}
