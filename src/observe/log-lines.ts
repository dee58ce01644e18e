/**
 * The lines of the log, by their stable names: one wide line for each delivery, each mapping, each attempt, and one for
 * each turn of the relay's state. `msg` holds the name, so that a search or a counter can rely on it.
 */
export const logLines = {
  'relay.started': 'The relay listens; with its settings, secrets masked.',
  'relay.stopping': 'The relay stops: nothing more is accepted, what is in flight is finished.',
  'relay.stopped': 'The relay has stopped.',
  'relay.failed': 'The relay cannot go on; the reason follows.',
  'relay.sandbox': 'No MIXPANEL_TOKEN: events go to the built-in sandbox and nowhere else.',
  'delivery.accepted': 'A webhook was verified and kept.',
  'delivery.duplicate': 'A webhook that is kept already came again.',
  'delivery.refused': 'A request was refused; reason and code say why.',
  'delivery.handshake': "A provider's handshake was answered.",
  'delivery.mapped': 'A delivery became events.',
  'delivery.skipped': 'The mapping made nothing of a delivery.',
  'delivery.failed': 'The mapping of a delivery failed; it is a dead letter.',
  'batch.sent': 'A destination took a batch.',
  'batch.retry': 'A destination did not take a batch; the same events are sent again.',
  'batch.split': 'A destination refused a batch; its halves are sent.',
  'batch.partial': 'A destination took some events of a batch and refused others, or they are sent again.',
  'batch.paused': 'A destination refuses us as a whole; its events wait.',
  'event.delivered': 'A destination has taken events of a source.',
  'event.dead': 'Events will not be tried again; they are dead letters.',
  'destination.failing': 'A destination does not answer as it should.',
  'destination.paused': 'A destination refuses us as a whole; it is asked again once a minute.',
  'destination.recovered': 'A destination answers again.',
  'source.loaded': 'A source and its mapping are in use.',
  'source.refused': 'A change of a source was refused; what ran before goes on.',
  'source.closed': 'A source is closed: its secret is missing.',
  'source.armed': 'A source takes the secret of a handshake, until the time said.',
  'source.secret_forgotten': 'The operator dropped the secret that a source had learned.',
  'source.removed': 'The folder of a source is gone.',
  'source.trouble': 'The mappings folder cannot be read; what is loaded stays.',
  'replay.began': 'Deliveries are mapped again, or dead events sent again; with who asked and for what.',
  'replay.ended': 'A replay has worked through its selection, or was cancelled; what it queued may still be waiting.',
  'evaluator.restarted': 'The evaluator was stopped and a new one took its place.',
  'buffer.full': 'Nothing more can be kept.',
  'buffer.trouble': 'The buffer did not do what it was asked to.',
  'request.failed': 'A request failed in the relay itself: a bug.',
  'log.dropped': 'Lines were dropped because nobody read them fast enough.',
} as const;

export type LogLine = keyof typeof logLines;
