/** What Slurm says of jobs when it is asked: the resume file does not tell it (heterogeneous jobs, nodes up already). */

export interface JobFacts {
  readonly jobId: number;
  /** The leader's id for a component of a heterogeneous job, the leader included; null for any other. */
  readonly hetJobId: number | null;
  /** False: cancelled, requeued or ended since; nobody wants its nodes any more. */
  readonly isAllocated: boolean;
  /** Hostlist of all its nodes. */
  readonly nodes: string;
  readonly priority: number | null;
  /** `sbatch --comment` and `--extra`, in which a job may ask for a way to be launched. */
  readonly comment: string;
  readonly extra: string;
}

export interface Told {
  /** The jobs that were asked about, with all components of heterogeneous ones. A job that is not in it is gone. */
  readonly jobs: readonly JobFacts[];
  /** Hostlist of those of their nodes, beyond the ones asked for, that are not up. */
  readonly absent: string;
}
