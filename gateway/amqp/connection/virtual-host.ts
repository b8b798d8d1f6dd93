/** Virtual hosts: namespaces, by the names that AMQP clients give them. */

const DEFAULT_NAMESPACE = 'default';
export const DEFAULT_VHOST = '/';

export const vhostOf = (namespace: string): string =>
  namespace === DEFAULT_NAMESPACE ? DEFAULT_VHOST : namespace;
export const namespaceOf = (vhost: string): string => (vhost === DEFAULT_VHOST ? DEFAULT_NAMESPACE : vhost);
