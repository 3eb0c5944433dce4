/**
 * Who has which ports. A lab takes a run of them long before its nodes listen there, so what the kernel says of ports in use
 * is not enough where several labs run: each leaves a claim in a folder that all of them share, for as long as it is there.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { labPaths, readLabState } from './lab-dir.ts';
import { findFreePorts, portsInUse } from './ports-free.ts';

/** The lab that wants ports; its lab.json is written already. */
export interface Claimant {
  readonly root: string;
  readonly labId: string;
}

const claimSchema = z.object({
  root: z.string(),
  labId: z.string(),
  first: z.number().int(),
  count: z.number().int().positive(),
});

type Claim = z.infer<typeof claimSchema>;

const TRIES_MAX = 200;

/** Resolves to the first of `count` ports in a row that no other lab has. Rejects when there is no such run. */
export async function claimPorts(
  count: number,
  { root, labId }: Claimant,
  folder = join(tmpdir(), 'muster-lab-ports'),
): Promise<number> {
  openFolder(folder);
  const file = join(folder, `${labId}.json`);
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const used = new Set(portsInUse());
    for (const claim of claimsOfOthers(folder, labId))
      for (let port = claim.first; port < claim.first + claim.count; port += 1) used.add(port);
    const first = findFreePorts(count, used);
    writeFileSync(`${file}.next`, JSON.stringify({ root, labId, first, count }), { mode: 0o644 });
    renameSync(`${file}.next`, file);
    // Of two that claim the same ports in the same moment, at least the later one sees the other here, and yields.
    const isMine = claimsOfOthers(folder, labId).every(
      (other) => other.first >= first + count || first >= other.first + other.count,
    );
    if (isMine) return first;
    rmSync(file, { force: true });
    await sleep(Math.random() * 100);
  }
  throw new Error(`the lab could not get ${count} ports: other labs kept claiming them`);
}

/** One for every user of this machine, as the ports are. */
function openFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  try {
    chmodSync(folder, 0o1777);
  } catch {
    // It is somebody else's, who has done so.
  }
}

/** Claims of labs that are still there; those of others are removed, as far as this user may. */
function claimsOfOthers(folder: string, labId: string): readonly Claim[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const claim = name.endsWith('.json') ? readClaim(path) : null;
    if (claim === null || claim.labId === labId) return [];
    if (isThere(claim)) return [claim];
    try {
      rmSync(path, { force: true });
    } catch {
      // Another user's.
    }
    return [];
  });
}

function readClaim(path: string): Claim | null {
  try {
    return claimSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // It was removed meanwhile, or is no claim.
    return null;
  }
}

function isThere({ root, labId }: Claim): boolean {
  try {
    return readLabState(labPaths(root))?.labId === labId;
  } catch {
    // Another user's, who alone may look into it.
    return true;
  }
}
