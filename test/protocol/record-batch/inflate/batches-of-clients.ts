/** Batches of one record, TEXT, as clients of Kafka have compressed them. */

export const TEXT = Array.from(
  { length: 40 },
  (_, at) => `ship the order ${at % 4} to the customer, and the order after it`,
).join(' ');

/** kcat 1.7 with librdkafka 2.0: one block. */
export const SNAPPY_OF_KCAT =
  'AAAAAAAAAAAAAADhAAAAAAJf25xFAAIAAAAAAAABoiDDld0AAAGiIMOV3f//////////////////AAAAAfARaNwjAAAAAc4jc2hpcCB0aGUgb3' +
  'JkZXIgMCB0bwUPMGN1c3RvbWVyLCBhbmQFEgkhIGFmdGVyIGl0IDo5AAAx3jkAADLeOQAAM945AP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7k' +
  'AP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAP7kAM7kAAAA';

/** Kafka 4.4: blocks in frames. */
export const SNAPPY_OF_JAVA =
  'AAAAAAAAAAAAAAD1/////wKI51eFAAIAAAAAAAABoiDDmNAAAAGiIMOY0AAAAAAAAAAAAAAAAAAAAAAAAYJTTkFQUFkAAAAAAQAAAAEAAACw8B' +
  'Fo3CMAAAABziNzaGlwIHRoZSBvcmRlciAwIHRvBQ8wY3VzdG9tZXIsIGFuZAUSCSEgYWZ0ZXIgaXQgOjkAADHeOQAAMt45AAAz3jkA/uQA/uQA' +
  '/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/uQA/u' +
  'QA/uQAzuQAAAA=';

/** kcat 1.7 with librdkafka 2.0. */
export const LZ4_OF_KCAT =
  'AAAAAAAAAAAAAACeAAAAAALglUt+AAMAAAAAAAABoiDDmVMAAAGiIMOZU///////////////////AAAAAQQiTRhgQIJeAAAA8QzcIwAAAAHOI3' +
  'NoaXAgdGhlIG9yZGVyIDAgdG8PANFjdXN0b21lciwgYW5kEgACIQCbYWZ0ZXIgaXQgOQAfMTkAJR8yOQAlHzM5ACUP5AD/////////5FByIGl0' +
  'AAAAAAA=';

/** kcat 1.7 with librdkafka 2.0. */
export const ZSTD_OF_KCAT =
  'AAAAAAAAAAAAAADWAAAAAAIaSDobAAQAAAAAAAABoiDDnD0AAAGiIMOcPf//////////////////AAAAASi1L/0AWOUEAJKFEhrAJR2b/v/fuS' +
  'b3apsFZDXZ+F9LSpH8WrFqMnSXd3mXd3mXd3mXd3mXd+uQOnaDwigUFThGMJccBOaKdcw4puy4MiBHUhAAIiqJKiDgpQNL6Xk9WU/peT1ZT6nz' +
  'erKe0vN6sp7S8+pkPaXn9WQ9pef1ZD2lzuvJekrP68l6Ss+rk/WUnteT9ZSe15P1lDqvcjKeXSbJ/nLtMQ==';
