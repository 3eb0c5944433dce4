/** Shows a plan: a row a RunInstances call. */
import { foldHostlist } from '../core/hostlist.ts';
import type { Plan, PlannedBatch, PlannedGang } from '../core/plan.ts';
import type { LaunchPolicy, Settings } from '../core/settings.ts';
import { renderTable } from './table.ts';

const columns = [
  { title: 'CALL', align: 'right' },
  { title: 'GANG', align: 'right' },
  { title: 'FOR' },
  { title: 'QUEUE' },
  { title: 'COMPUTE RESOURCE' },
  { title: 'MIN', align: 'right' },
  { title: 'MAX', align: 'right' },
  { title: 'NODES' },
] as const;

export function renderPlan(settings: Settings, plan: Plan, warnings: readonly string[]): string {
  const parts = [headline(settings, plan)];
  const rows: string[][] = [];
  for (const [index, gang] of plan.gangs.entries()) {
    for (const batch of gang.batches) rows.push(row(rows.length + 1, index + 1, gang, batch));
  }
  if (rows.length > 0) parts.push(renderTable(columns, rows));
  for (const gang of plan.gangs) {
    if (gang.batches.length > 0) continue;
    parts.push(`${who(gang)}: every node is launched by a gang above; the instances are shared.\n`);
  }
  for (const refusal of plan.rejected) {
    parts.push(
      `not launched: ${foldHostlist(refusal.nodes)}: (Code:${refusal.code}) ${refusal.message}\n`,
    );
  }
  for (const fault of plan.faults) parts.push(`note: ${fault}\n`);
  for (const warning of warnings) parts.push(`warning: ${warning}\n`);
  return parts.join('');
}

function headline(settings: Settings, plan: Plan): string {
  const calls = plan.gangs.reduce((count, gang) => count + gang.batches.length, 0);
  const how =
    plan.mode === 'job'
      ? `mode job: every job is a gang (${oneOf(settings, plan, ({ scalingStrategy }) => scalingStrategy)})`
      : `mode node-list: launch-batches of at most ${oneOf(settings, plan, ({ maxBatchSize }) => String(maxBatchSize))}, ${oneOf(settings, plan, firmness)}`;
  const counts = [
    counted(plan.nodes.length, 'node'),
    counted(plan.gangs.length, 'gang'),
    counted(calls, 'RunInstances call'),
  ];
  return `${counts.join(', ')}; ${how}\n\n`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function firmness({ allOrNothingBatch }: LaunchPolicy): string {
  return allOrNothingBatch ? 'firm (all or nothing)' : 'soft (what EC2 gives)';
}

/** What holds where the plan launches; each of them, if its queues do not have the same. */
function oneOf(settings: Settings, plan: Plan, show: (policy: LaunchPolicy) => string): string {
  const batches = plan.gangs.flatMap((gang) => gang.batches);
  const shown = new Set(batches.map(({ place }) => show(place.policy)));
  return shown.size === 0 ? show(settings) : [...shown].join(' or ');
}

function row(call: number, gangNumber: number, gang: PlannedGang, batch: PlannedBatch): string[] {
  return [
    String(call),
    String(gangNumber),
    who(gang),
    batch.place.queue,
    batch.place.computeResource,
    String(batch.minCount),
    String(batch.maxCount),
    foldHostlist(batch.nodes),
  ];
}

function who(gang: PlannedGang): string {
  if (gang.kind === 'static-set') return `static set${gang.firm ? '' : ' (best-effort)'}`;
  if (gang.kind === 'launch-batch') return `launch-batch${gang.firm ? '' : ' (soft)'}`;
  const jobs =
    gang.jobIds.length > 3 ? `${gang.jobIds.slice(0, 3).join(',')},...` : gang.jobIds.join(',');
  return gang.jobIds.length > 1 ? `jobs ${jobs} (one node each)` : `job ${jobs}`;
}

/** The shape is a promise to programs: fields are added, never renamed. */
export function renderPlanJson(
  settings: Settings,
  plan: Plan,
  warnings: readonly string[],
): string {
  const value = {
    mode: plan.mode,
    maxBatchSize: settings.maxBatchSize,
    nodes: plan.nodes.length,
    gangs: plan.gangs.map((gang) => ({
      kind: gang.kind,
      firm: gang.firm,
      jobs: gang.jobIds,
      nodes: foldHostlist(gang.nodes),
      calls: gang.batches.map((batch) => ({
        queue: batch.place.queue,
        computeResource: batch.place.computeResource,
        nodes: foldHostlist(batch.nodes),
        minCount: batch.minCount,
        maxCount: batch.maxCount,
        launch: batch.place.launch,
      })),
    })),
    rejected: plan.rejected.map((refusal) => ({ ...refusal, nodes: foldHostlist(refusal.nodes) })),
    faults: plan.faults,
    warnings,
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}
