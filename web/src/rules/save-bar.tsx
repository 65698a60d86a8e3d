import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { Notice } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import { diffDocuments, type Sides } from './diff.ts'
import { DiffView } from './diff-view.tsx'
import { type RulesState, rulesStore, useRules } from './store.ts'
import { FaultsNotice } from './words.tsx'

/** What has been changed here and does not hold yet; nothing while there is nothing. */
export function SaveBar() {
  const { t } = useTranslation()
  const state = useRules()
  const [looking, setLooking] = useState(false)
  const { current } = state
  if (!current || !(state.draft || state.control)) return null
  const count = diffDocuments(current, wanted(state, current)).length
  return (
    <div className="save-bar" role="status">
      <span>{t('rules.unsaved', { count })}</span>
      <span className="gap" />
      <Button onClick={rulesStore.discard}>{t('rules.discard')}</Button>
      <Button type="primary" onClick={() => setLooking(true)}>
        {t('rules.save')}
      </Button>
      {looking && <SaveDialog close={() => setLooking(false)} />}
    </div>
  )
}

/** What would hold when it is saved. */
const wanted = ({ draft, control }: RulesState, current: Sides): Sides => ({
  rules: draft ?? current.rules,
  control: control ?? current.control,
})

function SaveDialog({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const state = useRules()
  const { current, base } = state
  const [note, setNote] = useState('')
  const { busy, problem, run } = useAction()
  if (!current) return null
  const refused = problem !== null && [409, 412].includes(problem.status) && problem.faults.length === 0
  const late = refused || base !== current.version
  return (
    <Dialog title={t('rules.save.title')} close={close} wide>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          run(async () => {
            await rulesStore.save(note.trim())
            close()
          })
        }}
      >
        <p className="soft">{t('rules.save.lead')}</p>
        <DiffView before={current} after={wanted(state, current)} />
        <Field
          label={t('rules.note')}
          hint={t('rules.note.hint')}
          autoComplete="off"
          data-first
          value={note}
          onChange={(event) => setNote(event.target.value)}
        />
        {late ? (
          <Notice
            tone="wait"
            action={<Button onClick={() => run(rulesStore.rebase)}>{t('rules.save.anew')}</Button>}
          >
            {t('rules.save.late')}
          </Notice>
        ) : (
          <FaultsNotice problem={problem} />
        )}
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.cancel')}</Button>
          <Button type="primary" htmlType="submit" loading={busy} disabled={late}>
            {t('rules.save.yes')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
