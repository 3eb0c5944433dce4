/**
 * No stray money: how long an instance is paid for while its node runs nothing, and how long a reservation is held.
 */
import type { DurationMs, Instant } from '../../core/units.ts';
import { createReservationChecks } from './check-reservations.ts';
import type { Watched } from './checkers.ts';
import { isStatic } from './static-nodes.ts';

export interface MoneyChecks {
  step(): void;
  idleSeconds(): number;
}

interface Paid {
  /** Since when it has been of no use to anybody. */
  idleSince: Instant;
  /** Jobs that had its node when it was last looked at. */
  jobs: number;
  isRunning: boolean;
}

export function createMoneyChecks(watched: Watched): MoneyChecks {
  const { clock, machines, slurm, model, chronicle } = watched;
  const paid = new Map<string, Paid>();
  const nodes = new Map<string, string>();
  const reservations = createReservationChecks(watched);
  const idleMsMax = idleBound(watched);
  let idleMs = 0;
  let lookedAt = clock.now();

  model.listen({
    launched({ id }) {
      paid.set(id, { idleSince: clock.now(), jobs: 0, isRunning: false });
    },
    ending({ id }) {
      paid.delete(id);
    },
  });

  function look(instanceId: string, each: Paid, passed: DurationMs): void {
    const node = nodes.get(instanceId);
    const record = node === undefined ? undefined : slurm.records.nodesByName.get(node);
    const serves = node !== undefined && machines.instanceOf(node) === instanceId;
    if (!each.isRunning) idleMs += passed;
    each.isRunning = false;
    const jobs = serves ? (record?.jobs.size ?? 0) : 0;
    if (serves) for (const job of record?.jobs ?? []) each.isRunning ||= job.state === 'RUNNING';
    // A job more: Slurm counts on the node again.
    if (each.isRunning || jobs > each.jobs) each.idleSince = clock.now();
    each.jobs = jobs;
    const idle = clock.now() - each.idleSince;
    // A static node is there for whoever comes.
    if (idle <= idleMsMax() || isStatic(node ?? '')) return;
    chronicle.broke(
      'no stray money',
      `${instanceId} (${node ?? 'without a name'}) has run nothing for ${Math.round(idle / 1000)} s, ` +
        `more than ${Math.round(idleMsMax() / 1000)} s`,
    );
  }

  return {
    step() {
      const passed = clock.now() - lookedAt;
      if (passed === 0) return;
      lookedAt = clock.now();
      reservations.step();
      for (const [instanceId, each] of paid) {
        const name = watched.registry.nameOf(instanceId);
        if (name !== undefined) nodes.set(instanceId, name);
        look(instanceId, each, passed);
      }
    },
    idleSeconds: () => idleMs / 1000,
  };
}

/**
 * How long an instance may run nothing. From its launch its job runs, or its gang is let go, before ResumeTimeout: a boot
 * that fails is muster's to see, so that no survivor waits for SuspendTime. What idles after a job, or after one that was
 * cancelled, idles for SuspendTime. All that is away delays everything.
 */
function idleBound({ scenario, slurm, weather }: Watched): () => DurationMs {
  const { slurm: times, faults } = scenario;
  const { resumeRate = 0 } = times;
  const slowResumeMs =
    resumeRate === 0 ? 0 : 120_000 * Math.ceil(slurm.records.nodes.length / resumeRate);
  const lostMs = faults.has('lost-answers') || faults.has('late-requests') ? sweepsMs : 0;
  const fixedMs =
    Math.max(times.resumeTimeoutMs, times.suspendTimeMs + times.suspendTimeoutMs) +
    looksMs +
    slowResumeMs +
    lostMs +
    (faults.has('lost-hooks') ? lostHooksMs : 0);
  return () => fixedMs + weather.delayedMs() + (weather.isHealing() ? 0 : retriesMs);
}

/** Slurm and EC2 are looked at in rhythms of their own, and slurmctld looks at jobs in its own. */
const looksMs = 180_000;
/** A launch with a lost answer is looked for three times. */
const sweepsMs = 400_000;
/** A suspend whose request was lost is noticed by looking, three times and for a minute. */
const lostHooksMs = 180_000;
/** Terminations that fail are repeated, at the longest every minute. */
const retriesMs = 300_000;
