/**
 * The fleet stopped and started by a person, as ParallelCluster's slurm_fleet_status_manager does. Stopped: no partition of
 * the fleet starts jobs, nothing is launched, all that runs ends. Started: the partitions that muster had set inactive go up
 * again, and no others. Each request may be repeated, and what it asked of Slurm is asked until Slurm does it.
 */
import { failGang } from './decide-gang.ts';
import { tellRefused } from './decide-job.ts';
import { abandon, endLeases } from './decide-moves.ts';
import { claimantsOf, type Draft } from './draft.ts';
import type { SetPartitions } from './effects.ts';
import { isProtected } from './protection.ts';
import { fleetStopped, nodeReason } from './reasons.ts';
import type { HookRequest } from './requests.ts';

export function decideFleetStop(draft: Draft, { id: requestId }: HookRequest): void {
  const { fleet, settings } = draft.state;
  const wasRunning = fleet.status === 'running';
  draft.decisions.push({ kind: 'FleetStopped', requestId, wasRunning });
  // Partitions that were on their way up stay down, and go up with the next start.
  const turnedBack: string[] = [];
  for (const { effect } of draft.state.outstanding.values()) {
    if (effect.kind === 'PowerUpNodes') abandon(draft, effect, 'the fleet is stopped');
    if (effect.kind !== 'SetPartitions' || !effect.isUp) continue;
    abandon(draft, effect, 'the fleet is stopped');
    turnedBack.push(...effect.partitions);
  }
  setInactive(draft, requestId, [...new Set([...fleet.partitions, ...turnedBack])]);
  const queues = settings.queues?.map(({ name }) => name) ?? null;
  draft.effects.push({ kind: 'ListPartitions', id: `${requestId}/partitions`, queues });
  endAll(draft, requestId);
}

/** Gangs, those that boot and those that are open, and every instance. */
function endAll(draft: Draft, requestId: string): void {
  const { boots, gangs, leases } = draft.state;
  for (const boot of boots.values()) {
    draft.booted.add(boot.gangId);
    const { gangId, jobIds, nodes } = boot;
    draft.decisions.push({
      kind: 'BootFailed',
      gangId,
      jobIds,
      refusal: { nodes, ...fleetStopped },
    });
    const told = boot.isWhole ? jobIds.slice(0, 1) : jobIds;
    tellRefused(draft, `${gangId}/boot`, told, fleetStopped, nodes);
  }
  for (const gang of gangs.values()) failGang(draft, gang, { nodes: gang.nodes, ...fleetStopped });
  const nodes = [...leases.keys()].filter((node) => !draft.ended.has(node));
  if (nodes.length === 0) return;
  endLeases(draft, nodes, fleetStopped.code, requestId);
  // What a gang still has to say about its nodes, whose job is gone, powers them down.
  const back = nodes.filter(
    (node) => leases.get(node)?.given === true && claimantsOf(draft, node).length === 0,
  );
  if (back.length === 0) return;
  // Down first: of a node that is powered down alone Slurm waits for the word of a slurmd that has ended with its instance.
  const reason = nodeReason(fleetStopped);
  draft.effects.push({ kind: 'GiveBackNodes', id: `${requestId}/back`, nodes: back, reason });
}

function setInactive(draft: Draft, prefix: string, partitions: readonly string[]): void {
  if (partitions.length === 0) return;
  draft.decisions.push({ kind: 'PartitionsTaken', partitions });
  const id = `${prefix}/inactive`;
  draft.effects.push({ kind: 'SetPartitions', id, by: 'fleet', partitions, isUp: false });
}

/** Which partitions start jobs: that they are set inactive stands in the ledger before it is done. */
export function decidePartitionsTold(draft: Draft, effectId: string, up: readonly string[]): void {
  if (draft.state.outstanding.get(effectId)?.effect.kind !== 'ListPartitions') return;
  setInactive(draft, effectId, up);
}

export function decideFleetStart(draft: Draft, { id: requestId }: HookRequest): void {
  const { fleet, outstanding } = draft.state;
  const wasRunning = fleet.status === 'running';
  const onTheirWay = new Set<string>();
  for (const { effect } of outstanding.values()) {
    const isOfStop =
      effect.kind === 'ListPartitions' ||
      (effect.kind === 'SetPartitions' && effect.by === 'fleet' && !effect.isUp);
    if (isOfStop) abandon(draft, effect, 'the fleet is started');
    else if (effect.kind === 'SetPartitions' && effect.isUp)
      for (const name of effect.partitions) onTheirWay.add(name);
  }
  // A protected queue waits for its own start.
  const partitions = fleet.partitions.filter(
    (name) => !onTheirWay.has(name) && !isProtected(draft.state, name),
  );
  draft.decisions.push({ kind: 'FleetStarted', requestId, wasRunning, partitions });
  if (partitions.length === 0) return;
  const id = `${requestId}/up`;
  draft.effects.push({ kind: 'SetPartitions', id, by: 'fleet', partitions, isUp: true });
}

export function decidePartitionsSet(draft: Draft, effectId: string): void {
  const effect = draft.state.outstanding.get(effectId)?.effect;
  if (effect?.kind === 'SetPartitions') restorePartitions(draft, effect);
}

/** They are up, or cannot be: the fleet's next start leaves them alone. */
export function restorePartitions(draft: Draft, { isUp, partitions }: SetPartitions): void {
  if (isUp) draft.decisions.push({ kind: 'PartitionsRestored', partitions });
}
