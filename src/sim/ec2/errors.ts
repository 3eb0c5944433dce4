/**
 * The errors of the EC2 model: EC2's codes, statuses and sentences, one function for each refusal.
 *
 * The sentences are those EC2 sends, as far as they are on record, because launchers read them: the capacity refusal
 * names zones, the unknown instances are named in the text. Nothing here decides when an error is due.
 */

/** An error answer of EC2. `requestId` is filled in by the model before the error leaves it. */
export class Ec2ApiError extends Error {
  readonly code: string;
  readonly httpStatus: number;
  requestId: string;
  constructor(code: string, message: string, httpStatus = 400) {
    super(message);
    this.name = 'Ec2ApiError';
    this.code = code;
    this.httpStatus = httpStatus;
    this.requestId = '';
  }
}

/** `zonesWithRoom`: the other zones that could serve the same request now. Sent as a server error, as EC2 does. */
export function insufficientCapacity(
  instanceType: string,
  zone: string,
  zonesWithRoom: readonly string[],
): Ec2ApiError {
  const choice =
    zonesWithRoom.length === 0
      ? ''
      : ` You can currently get ${instanceType} capacity by not specifying an Availability Zone in your request or ` +
        `choosing ${zonesWithRoom.join(', ')}.`;
  return new Ec2ApiError(
    'InsufficientInstanceCapacity',
    `We currently do not have sufficient ${instanceType} capacity in the Availability Zone you requested (${zone}). ` +
      `Our system will be working on provisioning additional capacity.${choice}`,
    500,
  );
}

export function typeNotOffered(
  instanceType: string,
  zone: string,
  zonesThatOffer: readonly string[],
): Ec2ApiError {
  const choice =
    zonesThatOffer.length === 0
      ? ''
      : ` Please retry your request by not specifying an Availability Zone or choosing ${zonesThatOffer.join(', ')}.`;
  return new Ec2ApiError(
    'Unsupported',
    `Your requested instance type (${instanceType}) is not supported in your requested Availability Zone (${zone}).${choice}`,
  );
}

export function vcpuLimitExceeded(limit: number): Ec2ApiError {
  return new Ec2ApiError(
    'VcpuLimitExceeded',
    `You have requested more vCPU capacity than your current vCPU limit of ${limit} allows for the instance bucket that ` +
      'the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an ' +
      'adjustment to this limit.',
  );
}

export function subnetFull(subnetId: string): Ec2ApiError {
  return new Ec2ApiError(
    'InsufficientFreeAddressesInSubnet',
    `There are not enough free addresses in subnet '${subnetId}' to satisfy the requested number of instances.`,
  );
}

/** `limit`: which of the two buckets of the action was empty. */
export function throttled(
  account: string,
  action: string,
  limit: 'request' | 'resource',
): Ec2ApiError {
  return new Ec2ApiError(
    'RequestLimitExceeded',
    `Request limit exceeded. Account ${account} has been throttled on ec2:${action} because it exceeded its ${limit} rate limit.`,
    503,
  );
}

export function idempotentMismatch(): Ec2ApiError {
  return new Ec2ApiError(
    'IdempotentParameterMismatch',
    'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
  );
}

export function missingParameter(name: string): Ec2ApiError {
  return new Ec2ApiError('MissingParameter', `The request must contain the parameter ${name}`);
}

export function invalidValue(message: string): Ec2ApiError {
  return new Ec2ApiError('InvalidParameterValue', message);
}

export function invalidCombination(message: string): Ec2ApiError {
  return new Ec2ApiError('InvalidParameterCombination', message);
}

export function unavailable(): Ec2ApiError {
  const message = "The server is overloaded and can't handle the request.";
  return new Ec2ApiError('Unavailable', message, 503);
}

/** Of a describe with more than 200 filter values in all. */
export function filterLimitExceeded(): Ec2ApiError {
  return new Ec2ApiError(
    'FilterLimitExceeded',
    'The maximum number of filter values specified on a single call is 200',
  );
}

export function unsupportedOperation(message: string): Ec2ApiError {
  return new Ec2ApiError('UnsupportedOperation', message);
}

/** `prefix`: what ids of that kind begin with, such as `i-`. */
export function malformedId(code: string, id: string, prefix: string): Ec2ApiError {
  const expecting = id.startsWith(prefix) ? '' : ` (expecting "${prefix}...")`;
  return new Ec2ApiError(code, `Invalid id: "${id}"${expecting}`);
}

export function unknownInstances(ids: readonly string[]): Ec2ApiError {
  const message =
    ids.length === 1
      ? `The instance ID '${ids[0]}' does not exist`
      : `The instance IDs '${ids.join(', ')}' do not exist`;
  return new Ec2ApiError('InvalidInstanceID.NotFound', message);
}

export function unknownSubnet(id: string): Ec2ApiError {
  return new Ec2ApiError('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`);
}

export function unknownImage(id: string): Ec2ApiError {
  return new Ec2ApiError('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
}

export function unknownTemplateName(name: string): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidLaunchTemplateName.NotFoundException',
    `The specified launch template, with template name ${name}, does not exist.`,
  );
}

export function unknownTemplateId(id: string): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidLaunchTemplateId.NotFound',
    `The specified launch template, with template ID ${id}, does not exist.`,
  );
}

export function unknownTemplateVersion(id: string, version: string): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidLaunchTemplateId.VersionNotFound',
    `Could not find the specified version ${version} for the launch template with ID ${id}.`,
  );
}

export function templateNameTaken(): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidLaunchTemplateName.AlreadyExistsException',
    'Launch template name already in use.',
  );
}

/** One message for a reservation that is full, does not match the launch, or is not usable yet. */
export function reservationExceeded(): Ec2ApiError {
  return new Ec2ApiError(
    'ReservationCapacityExceeded',
    'The requested reservation does not have sufficient compatible and available capacity for this request.',
  );
}

export function unknownReservations(ids: readonly string[]): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidCapacityReservationId.NotFound',
    `The capacity reservation '${ids.join(', ')}' does not exist`,
  );
}

export function reservationOver(id: string, state: string): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidCapacityReservationState',
    `The capacity reservation '${id}' is ${state}`,
  );
}

export function blockNotActive(id: string): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidCapacityReservationState.PendingActivation',
    `The Capacity Block '${id}' is not active yet`,
  );
}

/** A reservation's quota refusal, in the words of EC2's list of errors. */
export function instanceLimitExceeded(): Ec2ApiError {
  return new Ec2ApiError(
    'InstanceLimitExceeded',
    "You've reached the limit on the number of instances you can run concurrently. Capacity Reservations count towards it.",
  );
}

export function notPermitted(message: string): Ec2ApiError {
  return new Ec2ApiError('OperationNotPermitted', message);
}

export function noSpotCapacity(): Ec2ApiError {
  return new Ec2ApiError(
    'InsufficientInstanceCapacity',
    'There is no Spot capacity available that matches your request.',
    500,
  );
}

/** What a fleet lists for an override whose spot pool has no room. */
export function unfulfillable(): Ec2ApiError {
  return new Ec2ApiError(
    'UnfulfillableCapacity',
    'Unable to fulfill capacity due to your request configuration. Please adjust your request and try again.',
  );
}

export function spotPriceTooLow(maxPrice: number, price: number): Ec2ApiError {
  return new Ec2ApiError(
    'SpotMaxPriceTooLow',
    `Your Spot request price of ${maxPrice} is lower than the minimum required Spot request fulfillment price of ${price}.`,
  );
}

/** `InvalidFleetConfig`: of the whole request. */
export function invalidFleet(message: string): Ec2ApiError {
  return new Ec2ApiError('InvalidFleetConfig', message);
}

/** `InvalidFleetConfiguration`: of one override, listed in the fleet's answer. */
export function invalidOverride(message: string): Ec2ApiError {
  return new Ec2ApiError('InvalidFleetConfiguration', message);
}

export function placementGroupTaken(name: string): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidPlacementGroup.Duplicate',
    `The Placement Group '${name}' already exists.`,
  );
}

export function unknownPlacementGroup(name: string): Ec2ApiError {
  return new Ec2ApiError(
    'InvalidPlacementGroup.Unknown',
    `The Placement Group '${name}' is unknown.`,
  );
}
