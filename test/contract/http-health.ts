/** The HTTP driver's calls about the health of instances. */
import {
  DescribeInstanceStatusCommand,
  GetConsoleOutputCommand,
  type EC2Client,
  type InstanceStatus,
  type InstanceStatusSummary,
} from '@aws-sdk/client-ec2';
import type { InstanceStatusView, StatusCheck } from '../../src/sim/ec2/index.ts';
import type { Ec2Driver } from './driver.ts';
import { call, sdkFilters } from './http-call.ts';

function sinceOf(summary: InstanceStatusSummary | undefined): number | null {
  return summary?.Details?.[0]?.ImpairedSince?.getTime() ?? null;
}

function seen(status: InstanceStatus): InstanceStatusView {
  return {
    instanceId: status.InstanceId ?? '',
    availabilityZone: status.AvailabilityZone ?? '',
    state: (status.InstanceState?.Name ?? '') as InstanceStatusView['state'],
    instanceStatus: (status.InstanceStatus?.Status ?? '') as StatusCheck,
    systemStatus: (status.SystemStatus?.Status ?? '') as StatusCheck,
    impairedSince: sinceOf(status.InstanceStatus),
    systemImpairedSince: sinceOf(status.SystemStatus),
    events: (status.Events ?? []).map((event) => ({
      id: event.InstanceEventId ?? '',
      code: event.Code ?? 'system-maintenance',
      description: event.Description ?? '',
      notBefore: event.NotBefore?.getTime() ?? NaN,
      notAfter: event.NotAfter?.getTime() ?? null,
    })),
  };
}

export function healthCalls(client: EC2Client): Pick<Ec2Driver, 'statusPage' | 'console'> {
  return {
    async statusPage(request) {
      const { instanceIds, includeAllInstances, maxResults, nextToken } = request;
      const command = new DescribeInstanceStatusCommand({
        ...sdkFilters(request.filters),
        ...(instanceIds !== undefined && { InstanceIds: [...instanceIds] }),
        ...(includeAllInstances !== undefined && { IncludeAllInstances: includeAllInstances }),
        ...(maxResults !== undefined && { MaxResults: maxResults }),
        ...(nextToken !== undefined && { NextToken: nextToken }),
      });
      const answer = await call((o) => client.send(command, o));
      return {
        statuses: (answer.InstanceStatuses ?? []).map(seen),
        nextToken: answer.NextToken ?? null,
      };
    },
    async console({ instanceId, latest }) {
      const command = new GetConsoleOutputCommand({
        InstanceId: instanceId,
        ...(latest !== undefined && { Latest: latest }),
      });
      const answer = await call((o) => client.send(command, o));
      return {
        instanceId: answer.InstanceId ?? '',
        timestamp: answer.Timestamp?.getTime() ?? null,
        output: answer.Output ?? null,
      };
    },
  };
}
