/** Close codes of WebSockets: those from 4000 on are an application's. They follow HTTP's statuses. */

/** The credential was revoked or has expired. */
export const UNAUTHENTICATED_CODE = 4401;

/** The client was silent for too long. */
export const SILENT_CODE = 4408;

/** The socket has carried what it may, or more waits than is kept. */
export const TOO_MUCH_CODE = 4429;

/** What has no answer may have one by another socket or a request. */
export const UNAVAILABLE_CODE = 4503;
