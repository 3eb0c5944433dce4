/** Where an instance learns its node name. Written only after the gang is whole and Slurm has the address. */
export interface RegistryEntry {
  readonly instanceId: string;
  readonly node: string;
}

export interface Registry {
  publish(entries: readonly RegistryEntry[]): Promise<void>;
  remove(instanceIds: readonly string[]): Promise<void>;
  /** All that is published: instance id to node. */
  list(): Promise<ReadonlyMap<string, string>>;
}
