/**
 * Muster's heartbeat: one line in the registry's folder, `<time> <seconds to the next>`, written again and again while
 * muster works. Instances watch that it changes (node/muster-node) and compare no clocks; `muster status` reads its time,
 * because it runs where it was written.
 */
import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DurationMs, Instant } from '../../core/units.ts';

export interface Heartbeat {
  readonly at: Instant;
  /** Until the next one. */
  readonly everyMs: DurationMs;
}

/** No name of an instance: those that look for their line read files `i-*` alone. */
const fileName = 'heartbeat';

/** Readers see the line before or this one. It is not synced: after a crash of the machine an old one is as good as none. */
export async function writeHeartbeat(stateDir: string, beat: Heartbeat): Promise<void> {
  const dir = join(stateDir, 'registry');
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const temporary = join(dir, `.${fileName}`);
  const seconds = Math.ceil(beat.everyMs / 1000);
  await writeFile(temporary, `${new Date(beat.at).toISOString()} ${seconds}\n`, { mode: 0o644 });
  await rename(temporary, join(dir, fileName));
}

/** Null where there is none, or none that can be read. */
export function readHeartbeat(stateDir: string): Heartbeat | null {
  let text: string;
  try {
    text = readFileSync(join(stateDir, 'registry', fileName), 'utf8');
  } catch {
    return null;
  }
  const [, time = '', seconds = ''] = /^(\S+) (\d{1,6})\n$/.exec(text) ?? [];
  const at = Date.parse(time);
  return Number.isNaN(at) ? null : { at, everyMs: Number(seconds) * 1000 };
}
