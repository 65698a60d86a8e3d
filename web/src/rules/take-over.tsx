import { Button } from 'antd'
import { useTranslation } from 'react-i18next'

/** The foot of a form about a part of the rules, which is not saved before the set is. */
export function TakeOver({
  remove,
  close,
  wrong = false,
}: {
  /** Of a part that is there already. */
  remove?: (() => void) | undefined
  close: () => void
  wrong?: boolean
}) {
  const { t } = useTranslation()
  return (
    <div className="dialog-actions">
      {remove && (
        <Button
          danger
          onClick={() => {
            remove()
            close()
          }}
        >
          {t('rules.remove')}
        </Button>
      )}
      <span className="gap" />
      <Button onClick={close}>{t('form.cancel')}</Button>
      <Button type="primary" htmlType="submit" disabled={wrong}>
        {t('rules.take')}
      </Button>
    </div>
  )
}
