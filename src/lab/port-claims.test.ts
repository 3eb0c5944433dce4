import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimPorts, type Claimant } from './port-claims.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claims-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function newLab(labId: string): Claimant {
  const root = join(folder, labId);
  mkdirSync(root);
  const state = { format: 'muster-lab-1', labId, holder: null, processes: [] };
  writeFileSync(join(root, 'lab.json'), JSON.stringify(state));
  return { root, labId };
}

const ports = (): string => join(folder, 'ports');

test('labs that claim at once have no port in common, before anybody listens', async () => {
  const counts = [5_021, 201, 11, 5, 1_201, 5, 41, 9];
  const claimed = await Promise.all(
    counts.map(async (count, index) => ({
      count,
      first: await claimPorts(count, newLab(`lab-${index}`), ports()),
    })),
  );
  const inOrder = claimed.toSorted((a, b) => a.first - b.first);
  for (const [index, next] of inOrder.slice(1).entries()) {
    const last = inOrder[index];
    expect(next.first).toBeGreaterThanOrEqual((last?.first ?? 0) + (last?.count ?? 0));
  }
});

test('the ports of a lab that is gone are free again, and its claim is removed', async () => {
  const gone = newLab('gone');
  const first = await claimPorts(100, gone, ports());
  rmSync(gone.root, { recursive: true });
  expect(await claimPorts(100, newLab('next'), ports())).toBe(first);
  expect(readdirSync(ports())).toEqual(['next.json']);
});

test('what is no claim is passed over', async () => {
  const first = await claimPorts(10, newLab('one'), ports());
  writeFileSync(join(ports(), 'two.json'), '{"first":');
  expect(await claimPorts(10, newLab('three'), ports())).toBe(first + 10);
});
