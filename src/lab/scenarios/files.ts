/** Texts that several scenarios configure muster with, in the words of the pages they come from. */

/**
 * How long an instance of the lab boots. Not shorter: slurmd tells its boot in whole seconds, and one that seems to lie
 * before the request (it was started within the same second) makes slurmctld wait for another boot that never comes.
 */
export const BOOT_MS = 2_000;

/**
 * Lines of muster.yaml for somebody who looks on: a refused job is tried again at once, and EC2 is asked each time. With the
 * defaults both take minutes.
 */
export const QUICK_RETRIES = `retry: { first: 1s, max: 2s }
capacity_memory: { refusal: 0s }
`;

/** The resume configuration as ParallelCluster writes it, without its scaling keys. */
export function resumeConf(clusterName: string, region: string, added: readonly string[]): string {
  return [
    '# DO NOT MODIFY',
    '[slurm_resume]',
    `cluster_name = ${clusterName}`,
    `region = ${region}`,
    'proxy = NONE',
    `dynamodb_table = parallelcluster-${clusterName}`,
    'hosted_zone = ZXXXXXXXXXXXXXXX',
    `dns_domain = ${clusterName}.pcluster`,
    'use_private_hostname = false',
    'head_node_private_ip = 172.31.0.10',
    `head_node_hostname = ip-172-31-0-10.${region}.compute.internal`,
    ...(added.length === 0 ? [] : ['# Options added:', ...added]),
    '',
  ].join('\n');
}

/** A cluster file with one subnet, written from the scenario's queues. */
export function clusterYaml(spec: {
  readonly region: string;
  readonly subnetId: string;
  readonly queues: readonly {
    readonly name: string;
    readonly computeResources: readonly {
      readonly name: string;
      readonly instanceType: string;
      readonly count: number;
      /** Of these, static. */
      readonly staticCount?: number;
    }[];
  }[];
}): string {
  const lines = [`Region: ${spec.region}`, 'Scheduling:', '  Scheduler: slurm', '  SlurmQueues:'];
  for (const queue of spec.queues) {
    lines.push(`    - Name: ${queue.name}`, '      ComputeResources:');
    for (const resource of queue.computeResources) {
      lines.push(
        `        - Name: ${resource.name}`,
        `          MinCount: ${resource.staticCount ?? 0}`,
        `          MaxCount: ${resource.count}`,
        `          InstanceType: ${resource.instanceType}`,
      );
    }
    lines.push('      Networking:', '        SubnetIds:', `          - ${spec.subnetId}`);
  }
  return `${lines.join('\n')}\n`;
}
