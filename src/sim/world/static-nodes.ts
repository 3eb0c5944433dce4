/** What stays when all has settled: static nodes are up whether a job wants them or not. */
import type { MemoryRegistry } from './stores.ts';

/** Whether an instance runs on when nobody wants a node. */
export function mayStay(
  { registry }: { readonly registry: MemoryRegistry },
  instanceId: string,
): boolean {
  return isStatic(registry.nameOf(instanceId) ?? '');
}

export function isStatic(node: string): boolean {
  return node.includes('-st-');
}
