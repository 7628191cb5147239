from flask import Flask, request
import hmac
import hashlib

app = Flask(__name__)

@app.route('/webhook/agentwarden', methods=['POST'])
def handle_webhook():
    payload = request.get_json()
    
    event = payload['event']
    data = payload['data']
    timestamp = payload['timestamp']
    
    # Handle different event types
    if event == 'approval.approved':
        approval_id = data['approval_id']
        action = data['action']
        context = data['context']
        
        # Execute the approved action
        execute_approved_action(action, context)
        
    elif event == 'approval.rejected':
        # Handle rejected approval
        log_rejected_action(data)
        
    elif event == 'log.blocked':
        # Alert on blocked actions
        send_alert(data)
    
    return {'status': 'received'}, 200

def execute_approved_action(action, context):
    """Execute the action that was approved"""
    if action == "stripe.refund":
        # Process the refund
        amount = context.get('amount')
        process_refund(amount)
    # ... handle other actions

if __name__ == '__main__':
    app.run(port=5000)
