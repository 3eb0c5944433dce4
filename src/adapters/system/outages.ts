/**
 * Whom muster gets no answers from, in a file of the state folder that `muster status` reads.
 *
 * Not in the heartbeat: instances read that, and what EC2 says of a call that it refuses names the account and the role.
 * And not in the ledger, which is for what is decided: nothing is by it.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instant } from '../../core/units.ts';
import type { Outage, Outages } from '../../ports/outages.ts';

const fileName = 'outages.json';

/** As the ledger: for muster's user and its group. */
const mode = 0o640;

interface OutageLine {
  readonly since: string;
  readonly error: string;
}

interface OutagesFile {
  readonly at: string;
  readonly slurm: OutageLine | null;
  readonly ec2: OutageLine | null;
}

export interface SeenOutages extends Outages {
  readonly at: Instant;
}

/** Readers see the file before or this one. */
export async function writeOutages(stateDir: string, seen: SeenOutages): Promise<void> {
  const temporary = join(stateDir, `.${fileName}`);
  const value: OutagesFile = {
    at: iso(seen.at),
    slurm: written(seen.slurm),
    ec2: written(seen.ec2),
  };
  await writeFile(temporary, `${JSON.stringify(value)}\n`, { mode });
  await rename(temporary, join(stateDir, fileName));
}

/** Null where there is none, or none that can be read. */
export function readOutages(stateDir: string): SeenOutages | null {
  try {
    const text = readFileSync(join(stateDir, fileName), 'utf8');
    const { at, slurm, ec2 } = JSON.parse(text) as OutagesFile;
    const seenAt = Date.parse(at);
    return Number.isNaN(seenAt) ? null : { at: seenAt, slurm: read(slurm), ec2: read(ec2) };
  } catch {
    return null;
  }
}

function written(outage: Outage | null): OutageLine | null {
  return outage === null ? null : { since: iso(outage.since), error: outage.error };
}

function read(line: OutageLine | null): Outage | null {
  return line === null ? null : { since: Date.parse(line.since), error: line.error };
}

function iso(at: Instant): string {
  return new Date(at).toISOString();
}
