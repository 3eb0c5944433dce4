import { describe, expect, test } from 'vitest';
import { partitionsUp } from './fleet-partitions.ts';

const listed = [
  { name: 'q1', isUp: true, nodes: ['q1-dy-c-1'] },
  { name: 'q2', isUp: false, nodes: ['q2-dy-c-1'] },
  { name: 'shared', isUp: true, nodes: ['head', 'q1-dy-c-1'] },
  { name: 'onprem', isUp: true, nodes: ['rack-7', 'x-dy-c-1'] },
  { name: 'empty', isUp: true, nodes: [] },
];

describe("the fleet's partitions that start jobs", () => {
  test('are those called after its queues, and others that share their nodes', () => {
    expect(partitionsUp(listed, ['q1', 'q2'])).toEqual(['q1', 'shared']);
  });

  test('are one called after a queue whose nodes Slurm does not show', () => {
    expect(partitionsUp(listed, ['empty'])).toEqual(['empty']);
  });

  test('are, where nobody says which queues there are, those with a node of its form', () => {
    expect(partitionsUp(listed, null)).toEqual(['q1', 'shared', 'onprem']);
  });
});
