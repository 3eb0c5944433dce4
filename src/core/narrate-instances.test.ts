/** What the log says of spares, and of instances that were found. */
import { expect, test } from 'vitest';
import { narrateDecision } from './narrate-decisions.ts';

const instance = { instanceId: 'i-0005', privateIp: '10.0.0.5', hostname: 'h' };

function said(decision: Parameters<typeof narrateDecision>[0]): string[] {
  return narrateDecision(decision).map(({ level, message }) => `${level} ${message}`);
}

test('a launch says how many spares it asks for', () => {
  const batch = {
    effectId: 'r/0/launch0',
    queue: 'q',
    computeResource: 'c',
    nodes: ['q-dy-c-1'],
    clientToken: 'r-0-0',
    pool: 'p',
    zone: null,
  };
  const batches = [batch, { ...batch, spares: 1 }, { ...batch, spares: 2 }];
  expect(said({ kind: 'GangStarted', gangId: 'r/0', rung: 'p', batches })).toEqual([
    "INFO Launching instances for nodes (x1) ['q-dy-c-1'] (gang r/0, token r-0-0)",
    "INFO Launching instances for nodes (x1) ['q-dy-c-1'] and 1 spare (gang r/0, token r-0-0)",
    "INFO Launching instances for nodes (x1) ['q-dy-c-1'] and 2 spares (gang r/0, token r-0-0)",
  ]);
});

test('a spare that takes a place, and one that ends, with what it cost', () => {
  const placed = [{ node: 'q-dy-c-2', instance }];
  expect(said({ kind: 'SparesTaken', gangId: 'r/0r1', placed })).toEqual([
    "INFO Spare instances take the places of nodes (x1) ['q-dy-c-2']: nothing is launched for them",
  ]);
  const ended = { gangId: 'r/0', pool: 'p', instanceIds: ['i-0006'], heldMs: 90_400 };
  expect(said({ kind: 'SparesEnded', why: 'SpareNotNeeded', ...ended })).toEqual([
    'INFO Terminating spare instances (x1) of gang r/0 in p: SpareNotNeeded; together they ran for 90 s',
  ]);
});

test('instances that are taken over', () => {
  const found = [{ node: 'q-dy-c-1', instance, launchedAt: 0, isUp: true }];
  expect(said({ kind: 'LeasesFound', found })).toEqual([
    "WARNING Taking over instances of nodes (x1) ['q-dy-c-1']: Slurm uses them, and the ledger did not know them",
  ]);
});
