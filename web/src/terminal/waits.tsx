import { useTranslation } from 'react-i18next'
import { decideReview } from '../api/rules.ts'
import { Link } from '../parts/link.tsx'
import { useProblemWords } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import { Countdown } from '../reviews/countdown.tsx'
import { reviewStore, useReviews } from '../reviews/store.ts'

/** A command in this terminal waits for a second person: for whom, how long, and a way out. */
export function Waits({ uid }: { uid: string }) {
  const { t } = useTranslation()
  const words = useProblemWords()
  const review = useReviews().find((one) => one.session === uid)
  const { busy, problem, run } = useAction()
  if (!review) return null
  const { may } = review
  return (
    <div className="note waits">
      <span>
        {t(may.decide ? 'terminal.waits.you' : 'terminal.waits')} <code>{review.argv.join(' ')}</code>
        {review.expires && (
          <>
            {' · '}
            <Countdown to={review.expires} />
          </>
        )}
        {problem && <span className="field-error">{words(problem)}</span>}
      </span>
      {may.decide && (
        <Link className="quiet" href="/reviews">
          {t('reviews.look')}
        </Link>
      )}
      {may.cancel && (
        <button
          type="button"
          className="quiet"
          disabled={busy}
          onClick={() => run(async () => reviewStore.decided(await decideReview(review.id, 'cancel', '')))}
        >
          {t('form.cancel')}
        </button>
      )}
    </div>
  )
}
