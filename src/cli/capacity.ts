/**
 * Shows the capacity memory: a row a pool, with the largest launch that EC2 gave it lately and the smallest that it
 * refused. What is too old to count is left out, as the daemon leaves it out.
 */
import type { Remembered, RememberedRefusal } from '../core/capacity-memory.ts';
import type { State } from '../core/state.ts';
import { formatDuration, type DurationMs, type Instant } from '../core/units.ts';
import { renderTable } from './table.ts';
import { iso, roughly } from './times.ts';
import { renderUntaken, type Untaken } from './untaken.ts';

type Memory = Pick<State, 'memory' | 'settings'>;

interface PoolRow {
  readonly pool: string;
  readonly success: Remembered | null;
  readonly refusal: RememberedRefusal | null;
}

const columns = [
  { title: 'POOL' },
  { title: 'GAVE', align: 'right' },
  { title: 'AGO', align: 'right' },
  { title: 'REFUSED', align: 'right' },
  { title: 'AGO', align: 'right' },
  { title: 'CODE' },
  { title: 'FORGOTTEN IN', align: 'right' },
] as const;

export function renderCapacity(memory: Memory, at: Instant): string {
  const { refusalMs, successMs } = memory.settings.capacityMemory;
  const rows = rowsOf(memory, at);
  if (rows.length === 0) {
    const kept = `what EC2 gives is kept for ${formatDuration(successMs)}, what it refuses for ${formatDuration(refusalMs)}`;
    return `Nothing is remembered of any pool (${kept}).\n`;
  }
  const table = renderTable(
    columns,
    rows.map(({ pool, success, refusal }) => [
      pool,
      success === null ? '-' : String(success.count),
      success === null ? '-' : roughly(at - success.at),
      refusal === null ? '-' : String(refusal.count),
      refusal === null ? '-' : roughly(at - refusal.at),
      refusal?.code ?? '-',
      refusal === null ? '-' : roughly(refusal.at + refusalMs - at),
    ]),
  );
  const refused = rows.some(({ refusal }) => refusal !== null)
    ? 'A launch of as many as REFUSED, or more, is not tried in its pool until that is forgotten.\n'
    : '';
  return `${table}${refused}`;
}

/** The shape is a promise to programs: fields are added, never renamed. Times are ISO 8601, ages milliseconds. */
export function renderCapacityJson(memory: Memory, at: Instant): string {
  const { refusalMs, successMs } = memory.settings.capacityMemory;
  const pools = rowsOf(memory, at).map(({ pool, success, refusal }) => ({
    pool,
    success: success === null ? null : seenJson(success, at, successMs),
    refusal:
      refusal === null
        ? null
        : {
            ...seenJson(refusal, at, refusalMs),
            code: refusal.code,
            message: refusal.message,
          },
  }));
  return `${JSON.stringify({ at: iso(at), pools }, null, 2)}\n`;
}

/** What became of a request to clear: `null` pools, nobody has taken it yet. */
export interface Clearing extends Untaken {
  readonly pools: readonly string[] | null;
}

export function renderCleared(clearing: Clearing): string {
  const { pools } = clearing;
  if (pools === null) return renderUntaken(clearing);
  if (pools.length === 0) return 'Nothing was cleared: it had been forgotten meanwhile.\n';
  const again = 'EC2 is asked again at the next launch; jobs keep the time of their next try.';
  return `Cleared what was remembered of ${pools.join(', ')}. ${again}\n`;
}

export function renderClearedJson({ pools, spool }: Clearing): string {
  const value = { taken: pools !== null, cleared: pools ?? [], spool };
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** By name, so that a type's zones and markets stand together. */
function rowsOf({ memory, settings }: Memory, at: Instant): PoolRow[] {
  const { refusalMs, successMs } = settings.capacityMemory;
  return [...memory]
    .map(([pool, { success, refusal }]) => ({
      pool,
      success: current(success, at, successMs),
      refusal: current(refusal, at, refusalMs),
    }))
    .filter(({ success, refusal }) => success !== null || refusal !== null)
    .sort((a, b) => (a.pool < b.pool ? -1 : 1));
}

function current<T extends Remembered>(seen: T | null, at: Instant, ageMs: DurationMs): T | null {
  return seen !== null && at - seen.at < ageMs ? seen : null;
}

function seenJson(seen: Remembered, at: Instant, ageMs: DurationMs) {
  return {
    count: seen.count,
    at: iso(seen.at),
    ageMs: at - seen.at,
    forgottenAt: iso(seen.at + ageMs),
  };
}
