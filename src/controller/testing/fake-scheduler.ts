/** Slurm for tests of the controller: it keeps what it was asked and answers as the test says. */
import type {
  Scheduler,
  SchedulerJob,
  SchedulerNode,
  SchedulerPartition,
} from '../../ports/scheduler.ts';

/** What a test may change. */
export interface FakeSlurm {
  assign: () => Promise<void>;
  down: () => Promise<void>;
  /** What Slurm tells of every job that was asked for, and of those that have nodes: nothing, until a test says more. */
  jobs: () => Promise<readonly SchedulerJob[]>;
  /** Every node is on its way up until a test says otherwise. */
  nodes: (names: readonly string[]) => Promise<readonly SchedulerNode[]>;
  /** Slurm has no cloud node and no partition until a test says otherwise. */
  fleet: () => Promise<readonly SchedulerNode[]>;
  partitions: () => Promise<readonly SchedulerPartition[]>;
}

/** `fakes` is asked at each call: a test changes them meanwhile. */
export function createFakeScheduler(journal: string[], fakes: () => FakeSlurm): Scheduler {
  return {
    async readConfig() {
      return { version: '22.05.8', resumeTimeoutMs: 0, suspendTimeoutMs: 0, resumeRate: 0 };
    },
    async listJobs(jobIds) {
      journal.push(`list-jobs ${jobIds.join(' ')}`);
      const jobs = await fakes().jobs();
      return jobs.filter(
        ({ jobId, hetJobId }) => jobIds.includes(jobId) || jobIds.includes(hetJobId ?? 0),
      );
    },
    async listAllocatedJobs() {
      journal.push('list-allocated-jobs');
      return (await fakes().jobs()).filter(({ nodes }) => nodes.length > 0);
    },
    async listNodes(names) {
      journal.push(`list-nodes ${names.join(' ')}`);
      return fakes().nodes(names);
    },
    async listFleet() {
      journal.push('list-fleet');
      return fakes().fleet();
    },
    async listPartitions() {
      journal.push('list-partitions');
      return fakes().partitions();
    },
    async setPartitions(names, isUp) {
      journal.push(`set-partitions ${names.join(' ')} ${isUp ? 'up' : 'inactive'}`);
    },
    async releaseJob(jobId) {
      journal.push(`release-job ${jobId}`);
    },
    async updateJob(jobId, change) {
      journal.push(`update-job ${jobId} ${JSON.stringify(change)}`);
    },
    async drainNodes(nodes, reason) {
      journal.push(`drain ${nodes.join(' ')} ${reason}`);
    },
    async resumeNodes(nodes) {
      journal.push(`resume ${nodes.join(' ')}`);
    },
    async undrainNodes(nodes) {
      journal.push(`undrain ${nodes.join(' ')}`);
    },
    async assignNodes(addresses) {
      journal.push(
        `assign ${addresses.map(({ node, address, hostname }) => `${node}=${address}/${hostname}`).join(' ')}`,
      );
      await fakes().assign();
    },
    async downNodes(nodes, reason) {
      journal.push(`down ${nodes.join(' ')} ${reason}`);
      await fakes().down();
    },
    async powerDownNodes(nodes) {
      journal.push(`power-down ${nodes.join(' ')}`);
    },
    async powerUpNodes(nodes) {
      journal.push(`power-up ${nodes.join(' ')}`);
    },
  };
}

/** A job that waits for its nodes. */
export function configuringJob(jobId: number, ...nodes: string[]): SchedulerJob {
  return {
    jobId,
    hetJobId: null,
    state: 'CONFIGURING',
    reason: 'None',
    partition: 'q',
    nodes,
    priority: null,
    restarts: 0,
    comment: '',
    adminComment: '',
    extra: '',
  };
}
