import '../styles/servers.css'
import '../styles/rules.css'
import { Button } from 'antd'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Decision, decideReview, listReviews, type Review, type ReviewState } from '../api/rules.ts'
import { Ago } from '../parts/ago.tsx'
import { Field } from '../parts/field.tsx'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Dot, type Tone } from '../parts/state.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { Countdown } from '../reviews/countdown.tsx'
import { ReviewSections } from '../reviews/sections.tsx'
import { reviewStore, useReviews } from '../reviews/store.ts'
import { terminalAddress } from '../router.ts'
import { Argv, textIn } from '../rules/words.tsx'

export function ReviewsPage() {
  const { t } = useTranslation()
  const open = useReviews()
  // Asked again when one more has been decided.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another number of open ones means another list of closed ones
  const closed = useLoad(useCallback(() => listReviews('closed'), [open.length]))
  return (
    <>
      <title>{`${t('nav.reviews')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.reviews')}</h1>
        <ReviewSections current="reviews" />
      </header>
      <section aria-labelledby="reviews-open">
        <h2 id="reviews-open" className="unseen">
          {t('reviews.waiting')}
        </h2>
        {open.length === 0 && (
          <div className="empty">
            <h2>{t('reviews.none')}</h2>
            <p>{t('reviews.none.lead')}</p>
          </div>
        )}
        <ul className="reviews" aria-live="polite">
          {open.map((review) => (
            <li key={review.id} data-review={review.id}>
              <Waiting review={review} />
            </li>
          ))}
        </ul>
      </section>
      {closed.data && closed.data.length > 0 && (
        <section aria-labelledby="reviews-closed" className="part">
          <h2 id="reviews-closed">{t('reviews.closed')}</h2>
          <ul className="cards">
            {closed.data.map((review) => (
              <li key={review.id} data-state={review.state}>
                <Closed review={review} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <ProblemNotice problem={closed.problem} retry={closed.reload} />
    </>
  )
}

/** Somebody who is gone has no name. */
const whose = (review: Review) => review.user?.name ?? '–'

/** One that waits: everything that one needs to decide, and the decision. */
function Waiting({ review }: { review: Review }) {
  const { t } = useTranslation()
  const [reason, setReason] = useState('')
  const { busy, problem, run } = useAction()
  const decide = (decision: Decision) =>
    run(async () => reviewStore.decided(await decideReview(review.id, decision, reason.trim())))
  const { server, account, may } = review
  const why = textIn(review.reason)
  return (
    <article className="review" aria-label={t('reviews.of', { name: whose(review) })}>
      <header>
        <strong>{whose(review)}</strong>
        <span className="soft">
          {account}
          {server && ` @ ${server.name}`} · <Ago at={review.opened} />
        </span>
        <span className="gap" />
        {review.expires && (
          <span className="soft">
            {t('reviews.left')} <Countdown to={review.expires} />
          </span>
        )}
      </header>
      <Argv argv={review.argv} />
      <dl className="facts">
        {review.line && (
          <div>
            <dt>{t('reviews.line')}</dt>
            <dd>
              <code>{review.line}</code>
            </dd>
          </div>
        )}
        {review.cwd && (
          <div>
            <dt>{t('reviews.cwd')}</dt>
            <dd>
              <code>{review.cwd}</code>
            </dd>
          </div>
        )}
        {review.rule && (
          <div>
            <dt>{t('rules.rule')}</dt>
            <dd>
              <code>{review.rule}</code> {why}
            </dd>
          </div>
        )}
      </dl>
      {/* A line has no terminal around it: what is above is all there is. */}
      {review.door !== 'line' && (
        <p>
          <Link href={terminalAddress(review.session, true)}>{t('reviews.watch')}</Link>
        </p>
      )}
      <ProblemNotice problem={problem} />
      {may.decide && (
        <form
          className="decide"
          onSubmit={(event) => {
            // Enter in the field decides nothing: the two answers are too different.
            event.preventDefault()
          }}
        >
          <Field
            label={t('reviews.reason')}
            autoComplete="off"
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
          <div className="answers">
            <Button type="primary" loading={busy} onClick={() => decide('approve')}>
              {t('reviews.approve')}
            </Button>
            <Button danger loading={busy} onClick={() => decide('refuse')}>
              {t('reviews.refuse')}
            </Button>
          </div>
        </form>
      )}
      {may.cancel && (
        <div className="form-actions">
          {!may.decide && <span className="soft">{t('reviews.own')}</span>}
          <Button loading={busy} onClick={() => decide('cancel')}>
            {t('reviews.cancel')}
          </Button>
        </div>
      )}
    </article>
  )
}

const TONES: Record<ReviewState, Tone> = {
  open: 'wait',
  approved: 'good',
  refused: 'bad',
  expired: 'bad',
  cancelled: 'done',
}

function Closed({ review }: { review: Review }) {
  const { t } = useTranslation()
  const { state, server, decided_by, decision, closed } = review
  return (
    <>
      <div>
        <Argv argv={review.argv} />
        <p className="soft">
          {whose(review)}
          {server && ` @ ${server.name}`}
          {decided_by && ` · ${t('reviews.by', { name: decided_by })}`}
          {decision && `: ${decision}`} · {closed && <Ago at={closed} />}
        </p>
      </div>
      <Dot tone={TONES[state] ?? 'done'}>{state in TONES ? t(`reviews.state.${state}`) : state}</Dot>
    </>
  )
}
