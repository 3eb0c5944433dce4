/**
 * How many CPUs Slurm may use on an instance type, where that follows from the type's name.
 *
 * In the families c, m and r from the fifth generation on, a size says its vCPUs (`large` is 2, `xlarge` 4, `Nxlarge`
 * 4 N). HPC types do not follow that rule and are listed. Everything else is unknown here; EC2's
 * DescribeInstanceTypes knows, and the administrator may say.
 */

interface Cpus {
  readonly vcpus: number;
  readonly threadsPerCore: 1 | 2;
}

/** HPC types have one thread a core: simultaneous multithreading is off for good. */
const hpcVcpus: ReadonlyMap<string, number> = new Map([
  ['hpc6a.48xlarge', 96],
  ['hpc6id.32xlarge', 64],
  ['hpc7a.12xlarge', 24],
  ['hpc7a.24xlarge', 48],
  ['hpc7a.48xlarge', 96],
  ['hpc7a.96xlarge', 192],
  ['hpc7g.4xlarge', 16],
  ['hpc7g.8xlarge', 32],
  ['hpc7g.16xlarge', 64],
]);

function cpusOf(instanceType: string): Cpus | null {
  const hpc = hpcVcpus.get(instanceType);
  if (hpc !== undefined) return { vcpus: hpc, threadsPerCore: 1 };
  const parts = /^[cmr]([5-8])([a-z]*)(?:-flex)?\.(large|(\d*)xlarge)$/.exec(instanceType);
  if (parts === null) return null;
  const [, generation = '', attributes = '', size = '', multiple = ''] = parts;
  const vcpus = size === 'large' ? 2 : 4 * Number(multiple === '' ? 1 : multiple);
  // Graviton has no multithreading, and AMD's types lost it with the seventh generation.
  const single = attributes.includes('g') || (attributes.includes('a') && Number(generation) >= 7);
  return { vcpus, threadsPerCore: single ? 1 : 2 };
}

/** CPUs as ParallelCluster gives them to Slurm: vCPUs, or cores without multithreading; null when unknown. */
export function slurmCpus(instanceType: string, multithreading: boolean): number | null {
  const cpus = cpusOf(instanceType);
  if (cpus === null) return null;
  return multithreading ? cpus.vcpus : cpus.vcpus / cpus.threadsPerCore;
}
